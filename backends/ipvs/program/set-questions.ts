import { hostCidr, type IpAddress, parseAddress } from '../../../compiler/values/address.ts';
import { type Port, parsePort, parseProtocol, type Protocol, protocolText } from '../../../compiler/values/port.ts';
import type { Asked, Destination, PortOf } from '../../equivalence/look.ts';
import { networksOf, typeOf } from './set-lookup.ts';
import type { IpSet } from './sets.ts';

/**
 * What a rule asks of a packet when it looks into a set: of its entries, those that other packets to the same place could
 * be found by.
 *
 * shown          the addresses of the rule's dimensions, in their order
 * isTranslated   the destination is the program's own doing, so only the client is asked about
 */
export function askSet(
  set: IpSet,
  dims: readonly ('src' | 'dst')[],
  shown: readonly IpAddress[],
  { port, protocol }: { readonly port: Port; readonly protocol: Protocol },
  isTranslated: boolean,
  asked: Asked,
): void {
  const [first] = shown;
  switch (typeOf(set)) {
    case 'bitmap:port':
      if (isTranslated) return;
      return asked({ kind: 'ports', ports: portsIn(set, protocol) });
    case 'hash:ip':
      if (dims[0] !== 'src') return;
      for (const entry of set.entries) {
        const address = parseAddress(entry);
        if (address !== undefined) asked({ kind: 'source', network: hostCidr(address) });
      }
      return;
    case 'hash:ip,port,ip':
    case 'hash:ip,port,net':
      if (dims[2] !== 'src' || first === undefined) return;
      for (const network of networksOf(set, `${first},${protocolText(protocol)}:${port}`))
        asked({ kind: 'source', network });
      return;
    default:
      return;
  }
}

const portLists = new WeakMap<IpSet, Map<Protocol, readonly PortOf[]>>();

/** The ports of a set of ports; such a set holds no protocol. */
function portsIn(set: IpSet, protocol: Protocol): readonly PortOf[] {
  const lists = portLists.get(set) ?? new Map<Protocol, readonly PortOf[]>();
  portLists.set(set, lists);
  const known = lists.get(protocol);
  if (known !== undefined) return known;
  const ports = set.entries.flatMap((entry): PortOf[] => {
    const port = parsePort(Number(entry));
    return port === undefined ? [] : [{ protocol, port }];
  });
  lists.set(protocol, ports);
  return ports;
}

/** Destinations that a set knows. */
export function* destinationsInSet(set: IpSet): Generator<Destination> {
  const type = typeOf(set);
  if (type === 'bitmap:port') return;
  for (const entry of set.entries) {
    const [first, service] = entry.split(',');
    const address = parseAddress(first);
    if (address === undefined) continue;
    if (type === 'hash:ip') {
      yield { address, among: set.name };
      continue;
    }
    const [protocolName = '', portText] = service?.split(':') ?? [];
    const protocol = parseProtocol(protocolName.toUpperCase());
    const port = parsePort(Number(portText));
    yield protocol === undefined || port === undefined ? { address } : { address, protocol, port };
  }
}
