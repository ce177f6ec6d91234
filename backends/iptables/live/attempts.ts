import { createQuarantine } from '../../quarantine.ts';
import type { Blame } from './blame.ts';
import type { KernelError } from '../../netfilter/live/errors.ts';
import { documentLimit, lineCount, type RestoreDocument } from '../../netfilter/diff/transaction.ts';

/** A Service whose rules the kernel does not take. It keeps those that it had. */
export interface Quarantined {
  /** `shop/cart:http` */
  readonly service: string;
  /** The rule that was refused; undefined: found by leaving out one half of the Services after the other. */
  readonly rule: string | undefined;
  readonly error: KernelError;
}

/** What applying has tried, and so what to try next. */
export interface Attempts {
  /** Service ports to leave as they are. */
  readonly held: () => ReadonlySet<string>;
  readonly quarantined: () => readonly Quarantined[];
  /** Lines of a document. */
  readonly limit: () => number;
  /** How often the tables differed from what slicewright had just written. */
  readonly disturbances: () => number;
  /** The tables were not as they had just been written. Returns whether to write them again. */
  readonly disturbed: () => boolean;
  /** All that is not held is in force. Returns whether there is more to try. */
  readonly taken: () => boolean;
  /** A document failed. Returns whether another try makes sense. */
  readonly failed: (error: KernelError, document: RestoreDocument, blame: Blame) => boolean;
}

/** Tries while another program holds the lock: each waits for it, five seconds. */
const lockTries = 3;
const disturbedTries = 3;
/** Complaints that another writer may have caused. */
const refusedTries = 3;
/** Documents are not cut shorter than this. */
const shortestLimit = 50;

/**
 *   locked                   tried again, then given up
 *   refused                  tried again from a new reading, since another writer may have been at
 *                            it; then as malformed
 *   malformed, unsupported   the Service is found and left as it is; given up if it is none's rule
 *   too-large                tried again in shorter documents
 *   anything else            given up
 */
export function createAttempts(): Attempts {
  const quarantine = createQuarantine();
  const evidence = new Map<string, Quarantined>();
  let limit = documentLimit;
  let locks = 0;
  let disturbances = 0;
  let suspicion: string | undefined;
  let refusals = 0;

  function accuse(error: KernelError, { suspects, rule }: Blame): boolean {
    if (!quarantine.refused(suspects)) return false;
    for (const service of quarantine.convicted()) {
      const isNamed = suspects.length === 1 && suspects[0] === service;
      if (!evidence.has(service)) evidence.set(service, { service, rule: isNamed ? rule : undefined, error });
    }
    return true;
  }

  return {
    held: quarantine.held,
    quarantined: () => quarantine.convicted().flatMap((service) => evidence.get(service) ?? []),
    limit: () => limit,
    disturbances: () => disturbances,
    disturbed: () => ++disturbances <= disturbedTries,
    taken: quarantine.taken,
    failed(error, document, blame) {
      switch (error.reason) {
        case 'locked':
          return ++locks < lockTries;
        case 'too-large': {
          const isCuttable = lineCount(document.tables) <= limit && limit > shortestLimit;
          limit = Math.max(Math.floor(limit / 8), shortestLimit);
          return isCuttable;
        }
        case 'refused': {
          const isNew = suspicion !== error.message && ++refusals <= refusedTries;
          suspicion = error.message;
          return isNew || accuse(error, blame);
        }
        case 'malformed':
        case 'unsupported':
          return accuse(error, blame);
        default:
          return false;
      }
    },
  };
}
