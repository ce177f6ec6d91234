import type { Hook, HookName } from './program.ts';

/** Names of priorities, where nft has one: `dstnat` before routing, `srcnat` after it. */
const named: readonly { readonly word: string; readonly priority: number; readonly at?: HookName }[] = [
  { word: 'raw', priority: -300 },
  { word: 'mangle', priority: -150 },
  { word: 'dstnat', priority: -100, at: 'prerouting' },
  { word: 'filter', priority: 0 },
  { word: 'security', priority: 50 },
  { word: 'srcnat', priority: 100, at: 'postrouting' },
];

/** How far from a name nft still counts from it. */
const reach = 10;

/** `dstnat`, `dstnat - 10`, `-100`: as nft 1.0.6 prints a priority. */
export function priorityText({ at, priority }: Pick<Hook, 'at' | 'priority'>): string {
  const near = named.find(
    (one) => (one.at === undefined || one.at === at) && Math.abs(priority - one.priority) <= reach,
  );
  if (near === undefined) return String(priority);
  const offset = priority - near.priority;
  if (offset === 0) return near.word;
  return `${near.word} ${offset < 0 ? '-' : '+'} ${Math.abs(offset)}`;
}

/** Reads every form of every version: newer ones have `dstnat` at hook output too. */
export function parsePriority(text: string): number | undefined {
  if (/^-?\d{1,9}$/.test(text)) return Number(text);
  const match = /^([a-z]+)(?: ([+-]) (\d{1,9}))?$/.exec(text);
  const near = named.find(({ word }) => word === match?.[1]);
  if (match === null || near === undefined) return undefined;
  return near.priority + Number(`${match[2] ?? ''}${match[3] ?? 0}`);
}

const hookLine =
  /^type (filter|nat) hook (prerouting|input|forward|output|postrouting) priority ([^;]+); policy accept;$/;

/** The line of a listing that gives a chain's hook; undefined: another line, or not one of slicewright's hooks. */
export function parseHook(line: string): Hook | undefined {
  const match = hookLine.exec(line);
  const priority = parsePriority(match?.[3] ?? '');
  if (match === null || priority === undefined) return undefined;
  return { type: match[1] as Hook['type'], at: match[2] as HookName, priority };
}
