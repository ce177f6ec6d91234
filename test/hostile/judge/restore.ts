import { cutRestoreLine, isAddress, isNetwork, isPort, isSocket } from './words.ts';

const serviceChain = /^KUBE-(SVC|SVL|SEP|EXT|FW)-[A-Z2-7]{16}$/;
const nodeChains = new Set(
  [
    ...['SERVICES', 'EXTERNAL-SERVICES', 'NODEPORTS', 'POSTROUTING', 'MARK-MASQ', 'FORWARD', 'PROXY-FIREWALL'],
    ...['FIREWALL', 'PROXY-CANARY', 'NODE-PORT', 'LOAD-BALANCER', 'IPVS-FILTER', 'IPVS-OUT-FILTER'],
    'SOURCE-RANGES-FIREWALL',
  ].map((name) => `KUBE-${name}`),
);
const kernelChains = new Set(['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING']);
const targets = new Set(['ACCEPT', 'DROP', 'REJECT', 'RETURN', 'MARK', 'MASQUERADE', 'DNAT']);
const tables = new Set(['*filter', '*nat', '*mangle']);

function isOwned(chain: string): boolean {
  return serviceChain.test(chain) || nodeChains.has(chain) || chain === 'SLICEWRIGHT-OWNER';
}

const oneOf =
  (...words: readonly string[]) =>
  (word: string): boolean =>
    words.includes(word);
const like =
  (pattern: RegExp) =>
  (word: string): boolean =>
    pattern.test(word);
const setName = like(/^(KUBE|SLICEWRIGHT)(-6)?(-[A-Z]+)+$/);

/** Every option that a rule may have, with the permitted values of each of its arguments. */
const options: Readonly<Record<string, readonly ((word: string) => boolean)[]>> = {
  '-p': [oneOf('tcp', 'udp', 'sctp')],
  '-s': [isNetwork],
  '-d': [isNetwork],
  '-i': [like(/^[\w.:-]{1,15}\+?$/)],
  '-m': [
    oneOf(
      ...['comment', 'conntrack', 'mark', 'tcp', 'udp', 'sctp', 'addrtype', 'recent', 'statistic', 'set', 'ipvs'],
      'physdev',
    ),
  ],
  '--comment': [like(/^[A-Za-z0-9 .,:;/@+>=[\]-]+( with type 'hash ip:port')?$/)],
  '--ctstate': [like(/^[A-Z]+(,[A-Z]+)*$/)],
  '--mark': [like(/^0x[0-9a-f]+\/0x[0-9a-f]+$/)],
  '--dport': [isPort],
  '--dst-type': [oneOf('LOCAL')],
  '--src-type': [oneOf('LOCAL')],
  '--rcheck': [],
  '--seconds': [like(/^\d{1,6}$/)],
  '--reap': [],
  '--name': [like(/^KUBE-SEP-[A-Z2-7]{16}$/)],
  '--mask': [isAddress],
  '--rsource': [],
  '--set': [],
  '--mode': [oneOf('random')],
  '--probability': [like(/^[01]\.\d{11}$/)],
  '--match-set': [setName, like(/^(src|dst)(,(src|dst))*$/)],
  '--vproto': [oneOf('6', '17', '132')],
  '--vaddr': [isAddress],
  '--vport': [isPort],
  '--physdev-is-in': [],
  '--to-destination': [isSocket],
  '--set-xmark': [like(/^0x[0-9a-f]+\/0x[0-9a-f]+$/)],
  '--random-fully': [],
  '--reject-with': [oneOf('icmp-port-unreachable', 'icmp6-port-unreachable')],
  '-j': [(word) => targets.has(word) || isOwned(word)],
};

/** A document for iptables-restore. Returns its faults, a line for each; empty: none. */
export function judgeRestore(text: string): string[] {
  const flaws: string[] = [];
  let table: string | undefined;
  for (const line of linesOf(text)) {
    const flaw = table === undefined ? flawOutside(line) : flawWithin(line);
    if (flaw !== undefined) flaws.push(`${flaw}: ${line}`);
    if (tables.has(line)) table = line;
    if (line === 'COMMIT') table = undefined;
  }
  if (table !== undefined) flaws.push(`${table} is not committed`);
  return flaws;
}

export function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function flawOutside(line: string): string | undefined {
  return tables.has(line) ? undefined : 'no table begins';
}

function flawWithin(line: string): string | undefined {
  if (line === 'COMMIT') return undefined;
  const declared = /^:(\S+) - \[0:0\]$/.exec(line)?.[1];
  if (declared !== undefined) return isOwned(declared) ? undefined : 'a chain of somebody else is declared';
  const cut = cutRestoreLine(line);
  if ('flaw' in cut) return cut.flaw;
  const [verb = '', chain = '', ...rule] = cut.words;
  if (verb === '-X') return isOwned(chain) && rule.length === 0 ? undefined : 'a chain of somebody else is deleted';
  if (!['-A', '-I', '-D'].includes(verb)) return 'no such command';
  if (isOwned(chain)) return verb === '-D' ? 'a rule is deleted by its text' : flawOfRule(rule);
  if (!kernelChains.has(chain)) return 'a chain of somebody else is changed';
  // In the kernel's own chains, slicewright may write only jumps to its own chains.
  return isOwned(rule[rule.indexOf('-j') + 1] ?? '') ? flawOfRule(rule) : 'a kernel chain gets more than a jump';
}

function flawOfRule(rule: readonly string[]): string | undefined {
  let jumps = 0;
  for (let i = 0; i < rule.length; ) {
    if (rule[i] === '!') i++;
    const option = rule[i++] ?? '';
    const wanted = Object.hasOwn(options, option) ? options[option] : undefined;
    if (wanted === undefined) return `no such option ${option}`;
    if (option === '-j') jumps++;
    for (const is of wanted) {
      const word = rule[i++];
      if (word === undefined || !is(word)) return `${option} has a wrong argument`;
    }
  }
  return jumps > 1 ? 'a rule has two targets' : undefined;
}
