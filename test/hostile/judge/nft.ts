import { linesOf } from './restore.ts';
import { cutNftLine, isAddress, isNetwork, isPort, isSocket } from './words.ts';

/** Every word that may appear in a document besides names, addresses and numbers. */
const vocabulary = new Set(
  [
    'create add delete flush insert set map chain rule element table type size flags timeout policy hook priority comment',
    'ipv4_addr ipv6_addr inet_proto inet_service verdict mark timeout interval typeof dynamic nat filter',
    'prerouting input forward output postrouting accept drop reject goto jump return masquerade fully-random dnat to vmap',
    'numgen random mod meta l4proto th dport saddr daddr ip ip6 ct state status new fib type local tcp udp sctp update',
    'iifname oifname . : ! = == != | & ^ { } ; , jhash map seed offset invalid established,related established related',
    'services node-ports refused refused-node-ports guarded cluster-ips health-check-ports hairpin translate refuse',
    'check-arriving check-passing filter-input filter-forward filter-output slicewright',
  ].flatMap((words) => words.split(' ')),
);

const names = new Set(['services', 'translate', 'refuse', 'check-arriving', 'check-passing']);
const path =
  /^@?(cluster|local|cluster-ip|external|external-node-port|firewall|endpoint|affinity|spread[-a-z]*|([a-z]+-)*endpoints)(\/[a-z0-9._-]+)+$/;

const verdicts = new Set(['accept', 'drop', 'reject', 'goto', 'jump', 'masquerade', 'dnat', 'vmap']);

/** A document for `nft -f`. Returns its faults, a line for each; empty: none. */
export function judgeNft(text: string): string[] {
  const flaws: string[] = [];
  let isWithin = false;
  for (const line of linesOf(text)) {
    const cut = cutNftLine(line);
    if ('flaw' in cut) {
      flaws.push(`${cut.flaw}: ${line}`);
      continue;
    }
    const { words } = cut;
    const flaw = isWithin && line === '}' ? undefined : flawOf(words, isWithin);
    if (flaw !== undefined) flaws.push(`${flaw}: ${line}`);
    const open = words.filter((word) => word === '{').length - words.filter((word) => word === '}').length;
    if (isWithin ? line === '}' : open === 1 && line.endsWith('{')) isWithin = !isWithin;
    else if (open !== 0) flaws.push(`braces do not match: ${line}`);
  }
  if (isWithin) flaws.push('a list of elements stays open');
  return flaws;
}

function flawOf(words: readonly string[], isElement: boolean): string | undefined {
  if (isElement) return isElementLine(words) ? flawOfWords(words) : 'no element';
  const [verb = '', noun = '', family = '', table = '', ...rest] = words;
  if (!['create', 'add', 'delete', 'flush', 'insert'].includes(verb)) return 'no such command';
  if (!['table', 'chain', 'rule', 'set', 'map', 'element'].includes(noun)) return 'no such thing';
  if (!['ip', 'ip6'].includes(family) || table !== 'slicewright') return 'another table';
  // A second command would follow a semicolon outside of braces, and so would a second verdict.
  let depth = 0;
  let decided = false;
  for (const [i, word] of rest.entries()) {
    if (word === '{') depth++;
    if (word === '}') depth--;
    if (depth > 0) continue;
    if (word === ';') return 'a second command';
    if (noun !== 'rule' || !verdicts.has(word) || rest[i - 1] === 'status') continue;
    if (decided) return 'a second verdict';
    decided = true;
  }
  return flawOfWords(rest);
}

/** Parts of a key, an optional comment, an optional target, and a comma except after the last element. */
function isElementLine(words: readonly string[]): boolean {
  const parts = '\\S+( \\. \\S+)*';
  const comment = '( comment "[^"]*")?';
  const leadsTo = `( : ((goto|jump) \\S+|${parts}))?`;
  return new RegExp(`^${parts}${comment}${leadsTo}( ,)?$`).test(words.join(' '));
}

function flawOfWords(words: readonly string[]): string | undefined {
  for (const [i, word] of words.entries()) {
    if (word.startsWith('"')) {
      const isComment = words[i - 1] === 'comment' && /^"[A-Za-z0-9 .:/@>[\]-]*"$/.test(word);
      if (!isComment && !/^"[\w.:-]{1,15}\*?"$/.test(word)) return 'a text that is no comment';
    } else if (!isKnown(word)) return `no such word ${word}`;
    if ((word === 'goto' || word === 'jump') && !isChain(words[i + 1] ?? '')) return `${word} leads elsewhere`;
  }
  return undefined;
}

function isChain(word: string): boolean {
  return names.has(word) || (path.test(word) && !word.startsWith('@'));
}

function isKnown(word: string): boolean {
  if (vocabulary.has(word) || path.test(word) || (word.startsWith('@') && vocabulary.has(word.slice(1)))) return true;
  if (/^0x[0-9a-f]{8}$/.test(word) || /^\d{1,10}(-\d{1,10}|[dhms](\d{1,2}[hms])*)?$|^-\d{1,4}$/.test(word)) return true;
  return isAddress(word) || isNetwork(word) || isPort(word) || isSocket(word);
}
