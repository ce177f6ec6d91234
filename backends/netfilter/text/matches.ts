import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { isNodeAddress } from '../../../compiler/semantics/place.ts';
import { cidrContains, type IpAddress } from '../../../compiler/values/address.ts';
import type { Port, Protocol } from '../../../compiler/values/port.ts';
import type { Asked } from '../../equivalence/look.ts';
import { unreachable } from '../../../compiler/values/unreachable.ts';
import type { Flow } from '../trace/flow.ts';
import { chainKey, type Match, type Rule, type Ruleset, type SetName, type Target } from '../rule.ts';

/** What rules ask that chains alone do not know. Without an answer, such a rule is not understood. */
export interface TraceOptions {
  /** Whether a set holds what a flow shows in these dimensions; undefined: the set is unknown. */
  readonly inSet?: (set: SetName, dims: readonly ('src' | 'dst')[], flow: Flow) => boolean | undefined;
  /** Whether a flow is IPVS's: of the given virtual server, or of any. */
  readonly isOfIpvs?: (flow: Flow, server: VirtualAddress | undefined) => boolean;
  /** The node's addresses besides those of its context: what is bound for IPVS. */
  readonly boundAddresses?: ReadonlySet<IpAddress>;
  /** Only the verdict is asked for: of the steps, those that could not be followed. */
  readonly brief?: boolean;
  /** Called with every question about the packet as it was sent. */
  readonly asked?: Asked;
}

export interface VirtualAddress {
  readonly address: IpAddress;
  readonly protocol: Protocol;
  readonly port: Port;
}

/** What a match is asked against. */
export interface Surroundings {
  readonly ruleset: Ruleset;
  readonly node: NodeContext;
  readonly options: TraceOptions;
}

/** Whether a flow matches a rule, its probabilities aside; undefined: that cannot be told. */
export function ruleMatches(rule: Rule, flow: Flow, around: Surroundings): boolean | undefined {
  for (const match of rule.matches) {
    const answer = match.kind === 'probability' || matches(match, flow, around);
    if (answer !== true) return answer;
  }
  return true;
}

export function isLocalAddress(address: IpAddress, { node, options }: Surroundings): boolean {
  return isNodeAddress(address, node) || options.boundAddresses?.has(address) === true;
}

function matches(
  match: Exclude<Match, { kind: 'probability' }>,
  flow: Flow,
  around: Surroundings,
): boolean | undefined {
  const { asked } = around.options;
  if (asked !== undefined) ask(match, flow, around.ruleset, asked);
  switch (match.kind) {
    case 'source':
      return isWanted(match, cidrContains(match.cidr, flow.packet.source));
    case 'destination':
      return isWanted(match, cidrContains(match.cidr, flow.destination));
    case 'inInterface':
      return isWanted(match, match.prefix ? flow.inInterface.startsWith(match.name) : flow.inInterface === match.name);
    case 'protocol':
      return match.protocol === flow.packet.protocol;
    case 'transport':
      return match.protocol === flow.packet.protocol && (match.dport ?? flow.destinationPort) === flow.destinationPort;
    case 'addrtype': {
      const address = match.side === 'src' ? flow.packet.source : flow.destination;
      return isWanted(match, isLocalAddress(address, around));
    }
    case 'recent':
      return match.op === 'set' || isRemembered(match.list, flow, around.ruleset);
    case 'mark':
      return isWanted(match, (flow.mark & match.mask) >>> 0 === match.value);
    case 'ctstate': {
      const isNew = match.states.includes('NEW');
      return isWanted(match, isNew || (flow.isTranslated && match.states.includes('DNAT')));
    }
    case 'set': {
      const isMember = around.options.inSet?.(match.name, match.dims, flow);
      return isMember === undefined ? undefined : isWanted(match, isMember);
    }
    case 'physdevIsIn':
      // Only what a bridge hands up has such a device; routed packets have none.
      return isWanted(match, false);
    case 'ipvs':
      return around.options.isOfIpvs?.(flow, match);
    case 'ipvsAny':
      return around.options.isOfIpvs?.(flow, undefined);
    case 'nfacct':
    case 'comment':
      return true;
    default:
      return unreachable(match);
  }
}

/** A destination that was translated is the program's own doing. */
function ask(match: Match, flow: Flow, ruleset: Ruleset, asked: Asked): void {
  switch (match.kind) {
    case 'source':
      return asked({ kind: 'source', network: match.cidr });
    case 'destination':
      return flow.isTranslated ? undefined : asked({ kind: 'destination', network: match.cidr });
    case 'inInterface':
      return asked({ kind: 'interface', name: match.name, prefix: match.prefix });
    case 'transport': {
      const { protocol, dport } = match;
      return flow.isTranslated || dport === undefined ? undefined : asked({ kind: 'port', protocol, port: dport });
    }
    case 'recent':
      for (const { address, port } of sentTo(match.list, ruleset)) asked({ kind: 'remembered', address, port });
      return;
    default:
      return;
  }
}

function isWanted(match: { readonly not?: true }, holds: boolean): boolean {
  return holds !== (match.not === true);
}

/**
 * Whether a list knows the client. An endpoint's list has the name of the endpoint's chain, so
 * it is known by where that chain sends.
 */
function isRemembered(list: string, flow: Flow, ruleset: Ruleset): boolean {
  const { remembered } = flow.packet;
  if (remembered === undefined) return false;
  return sentTo(list, ruleset).some(({ address, port }) => address === remembered.address && port === remembered.port);
}

function sentTo(list: string, ruleset: Ruleset): Extract<Target, { kind: 'dnat' }>[] {
  const rules = ruleset.chains.get(chainKey('nat', list))?.rules ?? [];
  return rules.flatMap((rule) => (rule?.target?.kind === 'dnat' ? [rule.target] : []));
}
