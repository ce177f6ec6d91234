import type { Packet, Verdict } from '../../compiler/semantics/packet.ts';
import type { Cidr, IpAddress } from '../../compiler/values/address.ts';
import type { Port, Protocol } from '../../compiler/values/port.ts';
import type { Client, Signs } from './clients.ts';
import type { Fate } from './fate.ts';

/** An address and port that a program does something about, as its rules and their comments tell. */
export interface FoundFrontend {
  /** `shop/cart:http`, kube-proxy's name for the Service port. */
  readonly servicePort: string;
  /** `external` where only a refusal is left: its comment is the same for external IPs and load balancers. */
  readonly kind:
    | 'cluster IP'
    | 'clusterset IP'
    | 'external IP'
    | 'loadbalancer IP'
    | 'external'
    | 'node port'
    | 'health check node port';
  /** undefined: any address of the node. */
  readonly address: IpAddress | undefined;
  readonly protocol: Protocol;
  readonly port: Port;
  /** Networks whose clients a load balancer's firewall lets in, none at all among them; undefined: there is no firewall. */
  readonly allowedFrom: readonly Cidr[] | undefined;
  /** What its rules tell clients apart by; with `allowedFrom`, if the firewall does more than let all of these in. */
  readonly signs: Signs;
  /** How long a client is remembered; undefined: it is not. */
  readonly affinitySeconds: number | undefined;
  /** For a node port that is not served alike everywhere: addresses of the node to dial, one of each sort. */
  readonly at?: readonly IpAddress[];
  /** All rules that are only for it: where this is equal, so is what happens to its packets. */
  readonly rules: string;
}

/** Used for the Service where only objects could tell which Service has a frontend, and no object has it any more. */
export const nobodys = 'frontends of no Service';

/** A program, as far as its effect on traffic goes. */
export interface Side {
  /** By {@link frontendKey}. */
  readonly frontends: ReadonlyMap<string, FoundFrontend>;
  /** The rules by which packets come to the frontends: with other ones, equal rules of a frontend can mean something else. */
  readonly entry: string;
  readonly verdictOf: (packet: Packet) => Verdict;
}

/**
 * What clients dial, and nothing else: the same in every backend, whosever it is. A Service that is renamed, or a port,
 * changes nothing for them.
 */
export function frontendKey({
  kind,
  protocol,
  address,
  port,
}: Pick<FoundFrontend, 'kind' | 'protocol' | 'address' | 'port'>): string {
  const where = kind === 'health check node port' ? 'health-check' : (address ?? 'node');
  return `${where} ${protocol} ${port}`;
}

/** One kind of client, with its fate in both programs. Equal fates are one value. */
export interface ClientFates {
  readonly client: Client;
  /** The address of the node that it dials, where that is not the usual one. */
  readonly at: IpAddress | undefined;
  readonly before: Fate;
  readonly after: Fate;
}
