import type { DriftedPart } from '../../plane/plane.ts';
import type { Foreign, ForeignRule } from '../text/parse.ts';

/** What ends a packet's way through a chain of the kernel, or sends it elsewhere. */
const verdict = / -j (?:ACCEPT|DROP|RETURN|REJECT|DNAT|REDIRECT|NETMAP|TPROXY|QUEUE|NFQUEUE)(?: |$)/;

/** A comment may say anything. */
const quoted = /"(?:[^"\\]|\\.)*"/g;

/** Rules of others that stand before hooks of slicewright and decide: what they take never gets to Services' rules. */
function verdictsAhead({ inFront }: Pick<Foreign, 'inFront'>): readonly ForeignRule[] {
  return inFront.filter(({ line }) => verdict.test(line.replaceAll(quoted, '""')));
}

/** Each with where it stands: `nat PREROUTING: -A PREROUTING …`. */
export function aheadTexts(foreign: Pick<Foreign, 'inFront'>): readonly string[] {
  return verdictsAhead(foreign).map(({ table, chain, line }) => `${table} ${chain}: ${line}`);
}

interface AheadWatch {
  /** Those that a reading shows and the one before did not. They are told of and stay: they are others'. */
  look(foreign: Pick<Foreign, 'inFront'>): DriftedPart[];
}

export function createAheadWatch(): AheadWatch {
  let known: ReadonlySet<string> = new Set();
  return {
    look(foreign) {
      const ahead = verdictsAhead(foreign);
      const before = known;
      const keyOf = ({ table, chain, line }: ForeignRule) => `${table} ${chain} ${line}`;
      known = new Set(ahead.map(keyOf));
      const fresh = Map.groupBy(
        ahead.filter((rule) => !before.has(keyOf(rule))),
        ({ table, chain }) => `${table} ${chain} (rules of others that decide before)`,
      );
      return [...fresh].map(([where, rules]) => ({
        where,
        lost: [],
        added: rules.map(({ line }) => line),
        stays: true,
      }));
    },
  };
}
