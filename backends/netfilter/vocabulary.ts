import { specialAddress, unfitForEndpoint } from '../../compiler/model/special-address.ts';
import { type Cidr, splitCidr } from '../../compiler/values/address.ts';
import { unreachable } from '../../compiler/values/unreachable.ts';
import type { OwnChains } from './own-chains.ts';
import type { Match, Rule, Ruleset, Table, Target } from './rule.ts';

/**
 * Which rules programs hold, by their conditions, targets and chains, whatever Services they are for.
 *
 * The words of a rule (rule.ts) allow more than any program does: that a Service's chain accepts, say, or that the chain of
 * all Services returns packets of a network. A saved plan may hold no more than programs do.
 */
export interface Vocabulary {
  /** Lines of a program, found or made, that no program has; without those that `isKept` accepts. */
  strangeLines(ruleset: Ruleset, isKept: (line: string) => boolean): string[];
  /** Whether some program has such a rule in such a chain. */
  knows(table: Table, chain: string, rule: Rule): boolean;
}

/** programs   together hold every rule that programs can have */
export function vocabularyOf(programs: Iterable<Ruleset>, own: OwnChains): Vocabulary {
  const shapes = new Set<string>();
  for (const program of programs) {
    for (const { where, rule } of placedRules(program, own)) {
      const shape = rule && shapeOf(where, rule, own);
      if (shape !== undefined) shapes.add(shape);
    }
  }
  return {
    knows: (table, chain, rule) => shapes.has(shapeOf(`${table} ${kindOf(chain, own)}`, rule, own)),
    strangeLines(ruleset, isKept) {
      const strange: string[] = [];
      for (const { where, rule, line } of placedRules(ruleset, own)) {
        const isKnown = rule !== undefined && shapes.has(shapeOf(where, rule, own));
        if (!isKnown && !isKept(line)) strange.push(line);
      }
      return strange;
    },
  };
}

function* placedRules({ chains, hooks }: Ruleset, own: OwnChains) {
  for (const { table, chain, rule, line } of hooks) yield { where: `${table} ${chain}`, rule, line };
  for (const { table, name, rules, lines } of chains.values()) {
    const where = `${table} ${kindOf(name, own)}`;
    for (const [i, line] of lines.entries()) yield { where, rule: rules[i], line };
  }
}

/** Chains of Service ports are all alike but for the hash in their names. */
function kindOf(chain: string, own: OwnChains): string {
  return own.isServiceChain(chain) ? chain.slice(0, chain.lastIndexOf('-') + 1) : chain;
}

function shapeOf(where: string, { matches, target }: Rule, own: OwnChains): string {
  const asked = matches.flatMap((match) => matchShape(match, own)).sort();
  return `${where}: ${asked.join(', ')} -> ${target === undefined ? 'counts' : targetShape(target, own)}`;
}

/** Empty for what changes no packet's fate. */
function matchShape(match: Match, own: OwnChains): string[] {
  const not = 'not' in match ? 'not ' : '';
  switch (match.kind) {
    case 'comment':
      return [];
    case 'source':
    case 'destination':
      return [`${not}${match.kind} ${networkShape(match.cidr)}`];
    case 'inInterface':
      return [`${not}interface${match.prefix ? ' prefix' : ''}`];
    case 'protocol':
      return ['protocol'];
    case 'transport':
      return [match.dport === undefined ? 'module' : 'port'];
    case 'addrtype':
      return [`${not}${match.side} local`];
    case 'probability':
      return ['chance'];
    case 'recent':
      return [`recent ${match.op} ${kindOf(match.list, own)}`];
    case 'mark':
      return [`${not}mark ${bitShape(match.value)} of ${bitShape(match.mask)}`];
    case 'ctstate':
      return [`${not}state ${match.states.join()}`];
    case 'set':
      return [`${not}set ${match.name} ${match.dims.join()}`];
    case 'physdevIsIn':
      return [`${not}physdev`];
    case 'ipvs':
      return ['virtual server'];
    case 'ipvsAny':
      return ['any virtual server'];
    case 'nfacct':
      return ['nfacct'];
    default:
      return unreachable(match);
  }
}

function targetShape(target: Target, own: OwnChains): string {
  switch (target.kind) {
    case 'jump':
      return `jump ${kindOf(target.chain, own)}`;
    case 'dnat':
      return `dnat ${unfitForEndpoint(target.address) ?? ''}`;
    case 'mark':
      return `mark ${bitShape(target.value)} of ${bitShape(target.mask)}`;
    case 'masquerade':
      return `masquerade${target.randomFully ? ' fully' : ''}`;
    case 'reject':
    case 'accept':
    case 'drop':
    case 'return':
      return target.kind;
    default:
      return unreachable(target);
  }
}

/** One address or a network of them. Programs name loopback as a whole, and nothing else that is special. */
function networkShape(cidr: Cidr): string {
  const { address, length } = splitCidr(cidr);
  if (specialAddress(address) === 'loopback') return `loopback/${length}`;
  return length === (address.includes(':') ? 128 : 32) ? 'host' : 'network';
}

/** Which bit marks a packet is a setting; that it is one is not. */
function bitShape(word: number): string {
  return word !== 0 && (word & (word - 1)) === 0 ? 'bit' : String(word);
}
