import type { RuleAhead } from '../../plane/ahead-watch.ts';
import type { Foreign, RuleInFront } from '../text/parse.ts';

/** What ends a packet's way through a chain of the kernel, or sends it elsewhere. */
const verdict = / -j (?:ACCEPT|DROP|RETURN|REJECT|DNAT|REDIRECT|NETMAP|TPROXY|QUEUE|NFQUEUE)(?: |$)/;

/** A comment may hold any text. */
const quoted = /"(?:[^"\\]|\\.)*"/g;

/** Other programs' rules that decide in front of slicewright's hooks: what they take never gets to Services' rules. */
export function verdictsAhead({ inFront }: Pick<Foreign, 'inFront'>): RuleAhead[] {
  return verdictsIn({ inFront }, verdict).map(({ table, chain, line }) => ({ where: `${table} ${chain}`, rule: line }));
}

/** Jumps into other programs' chains in front of slicewright's hooks: what these chains do is unknown. */
export function jumpsAhead({ inFront }: Pick<Foreign, 'inFront'>): readonly string[] {
  return inFront
    .filter(({ line }) => /(?:^| )-[jg] (?![A-Z]+(?: |$))[^ "]+$/.test(line))
    .map(({ table, chain, line }) => `${table} ${chain}: ${line}`);
}

/** Other programs' rules in front of slicewright's hooks whose text matches `target`. */
export function verdictsIn({ inFront }: Pick<Foreign, 'inFront'>, target: RegExp): readonly RuleInFront[] {
  return inFront.filter(({ line }) => target.test(line.replaceAll(quoted, '""')));
}

/** Each with its place: `nat PREROUTING: -A PREROUTING …`. */
export function aheadTexts(foreign: Pick<Foreign, 'inFront'>): readonly string[] {
  return verdictsAhead(foreign).map(({ where, rule }) => `${where}: ${rule}`);
}
