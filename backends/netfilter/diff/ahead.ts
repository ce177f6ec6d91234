import type { RuleAhead } from '../../plane/ahead-watch.ts';
import type { Foreign } from '../text/parse.ts';

/** What ends a packet's way through a chain of the kernel, or sends it elsewhere. */
const verdict = / -j (?:ACCEPT|DROP|RETURN|REJECT|DNAT|REDIRECT|NETMAP|TPROXY|QUEUE|NFQUEUE)(?: |$)/;

/** A comment may say anything. */
const quoted = /"(?:[^"\\]|\\.)*"/g;

/** Rules of others that stand before hooks of slicewright and decide: what they take never gets to Services' rules. */
export function verdictsAhead({ inFront }: Pick<Foreign, 'inFront'>): RuleAhead[] {
  return inFront
    .filter(({ line }) => verdict.test(line.replaceAll(quoted, '""')))
    .map(({ table, chain, line }) => ({ where: `${table} ${chain}`, rule: line }));
}

/** Each with where it stands: `nat PREROUTING: -A PREROUTING …`. */
export function aheadTexts(foreign: Pick<Foreign, 'inFront'>): readonly string[] {
  return verdictsAhead(foreign).map(({ where, rule }) => `${where}: ${rule}`);
}
