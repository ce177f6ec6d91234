import { type Cidr, type Family, hostCidr, parseAddress, parseCidr } from '../../../compiler/values/address.ts';
import { type Port, type Protocol, parsePort, parseProtocol } from '../../../compiler/values/port.ts';
import { certain31, isAccountingName, ctStateOrder, hostMask, ruleProblem } from './grammar.ts';
import { protocolNumbers } from './print.ts';
import { parseChainName, parseSetName, type Match, type Rule, type Target } from '../rule.ts';
import { splitWords, type Words } from './words.ts';

/**
 * A line of iptables-save as a value: the inverse of {@link import('./print.ts').printRule}.
 *
 * line     `-A CHAIN …`, without counters
 * returns  undefined for anything outside slicewright's vocabulary, from any writer; never a guess
 */
export function parseRule(family: Family, line: string): { readonly chain: string; readonly rule: Rule } | undefined {
  const words = splitWords(line);
  const chain = words?.valueOf('-A');
  if (words === undefined || chain === undefined) return undefined;
  const matches: Match[] = [];
  let target: Target | undefined;
  while (!words.done && target === undefined) {
    if (words.take('-j')) {
      target = parseTarget(family, words);
      if (target === undefined) return undefined;
    } else {
      const match = words.take('-m') ? parseModule(family, words) : parseHead(words);
      if (match === undefined) return undefined;
      matches.push(match);
    }
  }
  const rule: Rule = target === undefined ? { matches } : { matches, target };
  return words.done && ruleProblem(family, rule) === undefined ? { chain, rule } : undefined;
}

/**
 * The conditions of a line before the first word that is outside the vocabulary. All matches of a rule have to hold, so a
 * packet that does not fit one of these cannot match the rule, whatever follows.
 *
 * line   one that {@link parseRule} does not take
 */
export function readableMatches(family: Family, line: string): readonly Match[] {
  const words = splitWords(line);
  if (words?.valueOf('-A') === undefined) return [];
  const matches: Match[] = [];
  while (!words.done && !words.take('-j') && !words.take('-g')) {
    const match = words.take('-m') ? parseModule(family, words) : parseHead(words);
    if (match === undefined) break;
    matches.push(match);
  }
  // A chance does not depend on the packet.
  return matches.filter(({ kind }) => kind !== 'probability');
}

/** `-s`, `-d`, `-i`, `-p`: what belongs to every IP packet. */
function parseHead(words: Words): Match | undefined {
  const not = negation(words);
  const option = words.next();
  const value = words.next();
  switch (option) {
    case '-s':
    case '-d': {
      const cidr = networkOf(value);
      return cidr && { kind: option === '-s' ? 'source' : 'destination', cidr, ...not };
    }
    case '-i':
      if (value === undefined) return undefined;
      return value.endsWith('+')
        ? { kind: 'inInterface', name: value.slice(0, -1), prefix: true, ...not }
        : { kind: 'inInterface', name: value, prefix: false, ...not };
    case '-p': {
      const protocol = parseProtocol(value?.toUpperCase());
      return protocol === undefined || not.not === true ? undefined : { kind: 'protocol', protocol };
    }
    default:
      return undefined;
  }
}

/** What follows `-m`. */
function parseModule(family: Family, words: Words): Match | undefined {
  const module = words.next();
  switch (module) {
    case 'tcp':
    case 'udp':
    case 'sctp': {
      const protocol = module.toUpperCase() as Protocol;
      if (!words.take('--dport')) return { kind: 'transport', protocol };
      const dport = portOf(words.next());
      return dport && { kind: 'transport', protocol, dport };
    }
    case 'comment': {
      const text = words.valueOf('--comment');
      return text === undefined ? undefined : { kind: 'comment', text };
    }
    case 'addrtype': {
      const not = negation(words);
      const option = words.next();
      if ((option !== '--src-type' && option !== '--dst-type') || !words.take('LOCAL')) return undefined;
      return { kind: 'addrtype', side: option === '--src-type' ? 'src' : 'dst', ...not };
    }
    case 'statistic': {
      if (words.valueOf('--mode') !== 'random') return undefined;
      const chance = words.valueOf('--probability');
      if (chance === undefined || !/^[01]\.\d{1,11}$/.test(chance)) return undefined;
      return { kind: 'probability', of31: Math.round(Number(chance) * certain31) };
    }
    case 'recent':
      return parseRecent(family, words);
    case 'mark': {
      const not = negation(words);
      const [value, mask] = wordsOfMark(words.valueOf('--mark'));
      return value === undefined || mask === undefined ? undefined : { kind: 'mark', value, mask, ...not };
    }
    case 'conntrack': {
      const not = negation(words);
      const named = words.valueOf('--ctstate')?.split(',') ?? [];
      const states = ctStateOrder.filter((state) => named.includes(state));
      return states.length === named.length ? { kind: 'ctstate', states, ...not } : undefined;
    }
    case 'set': {
      const not = negation(words);
      const name = parseSetName(words.valueOf('--match-set'));
      const dims = words.next()?.split(',') ?? [];
      if (name === undefined || !dims.every((dim) => dim === 'src' || dim === 'dst')) return undefined;
      return { kind: 'set', name, dims, ...not };
    }
    case 'physdev': {
      const not = negation(words);
      return words.take('--physdev-is-in') ? { kind: 'physdevIsIn', ...not } : undefined;
    }
    case 'nfacct': {
      const name = words.valueOf('--nfacct-name');
      return name !== undefined && isAccountingName(name) ? { kind: 'nfacct', name } : undefined;
    }
    case 'ipvs': {
      if (words.take('--ipvs')) return { kind: 'ipvsAny' };
      const number = words.valueOf('--vproto');
      const protocol = (['TCP', 'UDP', 'SCTP'] as const).find((name) => String(protocolNumbers[name]) === number);
      const address = parseAddress(words.valueOf('--vaddr'));
      const port = portOf(words.valueOf('--vport'));
      return protocol && address && port && { kind: 'ipvs', address, protocol, port };
    }
    default:
      return undefined;
  }
}

function parseRecent(family: Family, words: Words): Match | undefined {
  const isSet = words.take('--set');
  const seconds = isSet || !words.take('--rcheck') ? undefined : numberOf(words.valueOf('--seconds'));
  if (!isSet && (seconds === undefined || !words.take('--reap'))) return undefined;
  const list = parseChainName(words.valueOf('--name'));
  if (list === undefined || words.valueOf('--mask') !== hostMask(family) || !words.take('--rsource')) return undefined;
  return seconds === undefined ? { kind: 'recent', op: 'set', list } : { kind: 'recent', op: 'check', list, seconds };
}

/** What follows `-j`: an action of the kernel's, else a chain. */
function parseTarget(family: Family, words: Words): Target | undefined {
  const name = words.next();
  switch (name) {
    case 'ACCEPT':
      return { kind: 'accept' };
    case 'DROP':
      return { kind: 'drop' };
    case 'RETURN':
      return { kind: 'return' };
    case 'MASQUERADE':
      return { kind: 'masquerade', randomFully: words.take('--random-fully') };
    case 'REJECT': {
      const answer = family === 'IPv4' ? 'icmp-port-unreachable' : 'icmp6-port-unreachable';
      return words.valueOf('--reject-with') === answer ? { kind: 'reject' } : undefined;
    }
    case 'MARK': {
      const [value, mask] = wordsOfMark(words.valueOf('--set-xmark'));
      return value === undefined || mask === undefined ? undefined : { kind: 'mark', value, mask };
    }
    case 'DNAT': {
      const destination = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(words.valueOf('--to-destination') ?? '');
      const address = parseAddress(destination?.[1] ?? destination?.[2]);
      const port = portOf(destination?.[3]);
      return address && port && { kind: 'dnat', address, port };
    }
    default: {
      const chain = parseChainName(name);
      return chain && { kind: 'jump', chain };
    }
  }
}

function negation(words: Words): { readonly not?: true } {
  return words.take('!') ? { not: true } : {};
}

/** A network, or one address as iptables-save of old printed it. */
function networkOf(text: string | undefined): Cidr | undefined {
  const address = parseAddress(text);
  return address === undefined ? parseCidr(text) : hostCidr(address);
}

function portOf(text: string | undefined): Port | undefined {
  return parsePort(numberOf(text));
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/** `0x4000/0x4000`; without a mask all 32 bits count. */
function wordsOfMark(text: string | undefined): readonly [number | undefined, number | undefined] {
  const match = /^0x([0-9a-f]{1,8})(?:\/0x([0-9a-f]{1,8}))?$/.exec(text ?? '');
  const hex = match?.[1];
  if (hex === undefined) return [undefined, undefined];
  return [Number.parseInt(hex, 16), Number.parseInt(match?.[2] ?? 'ffffffff', 16)];
}
