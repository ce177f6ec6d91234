import type { Family } from '../../../compiler/values/address.ts';
import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';
import { type CommandResult, complaintOf } from '../../command.ts';
import { BackendError, kernelProblem } from '../../errors.ts';

/**
 * Why nft failed.
 *
 * exists, missing, busy   another program changed the table after it was read; else this kernel lacks something
 * many-complaints         the same of so many lines that the kernel's answers do not fit into nft's socket
 * not-started             the machine or this process had no room for another process
 * no-memory               the kernel or nft has no memory left
 * refused                 the kernel refuses what was written
 * not-understood          this nft does not know what was written
 * too-large               more than a socket takes at once; only the real administrator may make its buffer larger
 */
export type NftReason =
  | 'missing-tool'
  | 'unsupported'
  | 'no-privilege'
  | 'exists'
  | 'missing'
  | 'busy'
  | 'many-complaints'
  | 'refused'
  | 'not-understood'
  | 'too-large'
  | 'bad-listing'
  | 'another-writer'
  | 'disturbed'
  | 'not-started'
  | 'no-memory'
  | 'killed'
  | 'failed';

export interface NftFacts {
  readonly reason: NftReason;
  /** The line of the document, from 1. */
  readonly line?: number;
}

export class NftError extends BackendError {
  readonly family: Family;
  readonly reason: NftReason;
  readonly line: number | undefined;

  constructor(family: Family, { reason, line }: NftFacts, message: string) {
    super(message);
    this.name = 'NftError';
    this.family = family;
    this.reason = reason;
    this.line = line;
  }

  diagnostic(): Diagnostic {
    return kernelProblem(this.family, `nftables-${this.reason}`, this.message);
  }
}

/** A command that did not end well, as an error. */
export function failure(family: Family, args: readonly string[], result: CommandResult): NftError {
  const facts = factsOf(result);
  const said = complaintOf(result);
  return new NftError(
    family,
    facts,
    `${sentences[facts.reason]}: nft ${args.join(' ')}${said === '' ? '' : `: ${said}`}`,
  );
}

const sentences: Readonly<Record<NftReason, string>> = {
  'missing-tool': 'nft is not installed',
  unsupported: 'this kernel has no nf_tables for this family',
  'no-privilege': 'not permitted to change nftables (CAP_NET_ADMIN is needed)',
  exists: 'something exists already',
  missing: 'something does not exist',
  busy: 'something is still in use',
  'many-complaints': 'the kernel rejects many lines of a transaction',
  refused: 'the kernel rejects a transaction',
  'not-understood': 'this nft does not understand a document',
  'too-large': 'a transaction is larger than the kernel accepts from this process',
  'bad-listing': 'nft lists something else than a table',
  'another-writer': "another program's rules are there",
  disturbed: 'another program keeps changing the table',
  'not-started': 'nft could not be started',
  'no-memory': 'there was not enough memory for a transaction',
  killed: 'nft was terminated before it finished',
  failed: 'nft failed',
};

export function factsOf({ stderr, failure: ended }: CommandResult): NftFacts {
  if (ended === 'not-found') return { reason: 'missing-tool' };
  if (ended === 'no-permission') return { reason: 'no-privilege' };
  if (ended === 'not-started') return { reason: 'not-started' };
  if (ended !== undefined) return { reason: 'killed' };
  const first = stderr.split('\n').find((line) => line.includes('Error: ')) ?? stderr;
  const place = /^\S+?:(\d+):\d+-\d+: Error: /.exec(first);
  const reason = reasonOf(first);
  return place === null ? { reason } : { reason, line: Number(place[1]) };
}

/** The word of a command below which nft puts its carets: what does not exist, for example. undefined: nft shows no such place. */
export function wordInQuestion({ stderr }: Pick<CommandResult, 'stderr'>): string | undefined {
  const lines = stderr.split('\n');
  const at = lines.findIndex((line) => /^ *\^+$/.test(line));
  const marks = lines[at] ?? '';
  return at < 1 ? undefined : lines[at - 1]?.slice(marks.indexOf('^'), marks.length);
}

/** In the C locale: errno's words, after nft's own. */
function reasonOf(complaint: string): NftReason {
  if (/Operation not permitted|Permission denied/.test(complaint)) return 'no-privilege';
  if (complaint.includes('Message too long')) return 'too-large';
  if (complaint.includes('No buffer space')) return 'many-complaints';
  if (/Cannot allocate memory|Memory allocation failure/.test(complaint)) return 'no-memory';
  if (complaint.includes('File exists')) return 'exists';
  if (complaint.includes('No such file or directory')) return 'missing';
  if (complaint.includes('Device or resource busy')) return 'busy';
  if (/Protocol not supported|Address family not supported|cache initialization failed/.test(complaint))
    return 'unsupported';
  if (complaint.includes('Could not process rule')) return 'refused';
  return complaint.includes('Error: ') ? 'not-understood' : 'failed';
}

/**
 * The kernel's answer to a transaction that was planned from a reading that is out of date. Where another reading shows the
 * same, it is the kernel's answer to what is written.
 */
export function isOutOfDate(reason: NftReason): boolean {
  return reason === 'exists' || reason === 'missing' || reason === 'busy' || reason === 'many-complaints';
}

/** Whether a line of the transaction may be the cause, and leaving it out a remedy. */
export function isAboutALine(reason: NftReason): boolean {
  return reason === 'refused' || reason === 'not-understood' || isOutOfDate(reason);
}
