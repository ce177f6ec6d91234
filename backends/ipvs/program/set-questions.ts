import { hostCidr, type IpAddress, parseAddress } from '../../../compiler/values/address.ts';
import { type Port, parsePort, parseProtocol, type Protocol, protocolText } from '../../../compiler/values/port.ts';
import type { Asked, Destination } from '../../equivalence/look.ts';
import { networksOf } from './set-lookup.ts';
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
  const [type] = set.definition.split(' ');
  switch (type) {
    case 'bitmap:port':
      if (isTranslated) return;
      for (const entry of set.entries) {
        const known = parsePort(Number(entry));
        if (known !== undefined) asked({ kind: 'port', protocol, port: known });
      }
      return;
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

/** Destinations that a set knows. */
export function* destinationsInSet({ definition, entries }: IpSet): Generator<Destination> {
  const [type] = definition.split(' ');
  if (type === 'bitmap:port') return;
  for (const entry of entries) {
    const [first, service] = entry.split(',');
    const address = parseAddress(first);
    if (address === undefined) continue;
    const [protocolName = '', portText] = service?.split(':') ?? [];
    const protocol = parseProtocol(protocolName.toUpperCase());
    const port = parsePort(Number(portText));
    yield protocol === undefined || port === undefined ? { address } : { address, protocol, port };
  }
}
