import type { Place } from '../../backends/equivalence/places.ts';
import type { Target } from '../../backends/target.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { Packet } from '../../compiler/semantics/packet.ts';
import { isNodeAddress } from '../../compiler/semantics/place.ts';

interface Index {
  /** By address, protocol and port; node ports and health check ports stand at `node`. */
  readonly places: ReadonlyMap<string, readonly ServicePortIR[]>;
  readonly addresses: ReadonlyMap<string, readonly ServicePortIR[]>;
}

const indexes = new WeakMap<Target, Index>();

/** Service ports that are dialled where a packet goes. */
export function portsAt(target: Target, { destination, protocol, destinationPort }: Packet): readonly ServicePortIR[] {
  return dialledAt(target, { address: destination, protocol, port: destinationPort });
}

/**
 * Who owns a place: the Service ports that are dialled there; if there are none, those that have the address at another port.
 *
 * returns  empty: the place belongs to no Service
 */
export function ownersOf(target: Target, place: Place): readonly ServicePortIR[] {
  const dialled = dialledAt(target, place);
  return dialled.length > 0 ? dialled : (indexOf(target).addresses.get(place.address) ?? []);
}

function dialledAt(target: Target, { address, protocol, port }: Place): readonly ServicePortIR[] {
  const { places } = indexOf(target);
  const here = places.get(`${address} ${protocol} ${port}`);
  if (here !== undefined) return here;
  return isNodeAddress(address, target.node) ? (places.get(`node ${protocol} ${port}`) ?? []) : [];
}

function indexOf(target: Target): Index {
  const known = indexes.get(target);
  if (known !== undefined) return known;
  const places = new Map<string, ServicePortIR[]>();
  const addresses = new Map<string, ServicePortIR[]>();
  const put = (map: Map<string, ServicePortIR[]>, key: string, ir: ServicePortIR) => {
    const there = map.get(key);
    if (there === undefined) map.set(key, [ir]);
    else if (!there.includes(ir)) there.push(ir);
  };
  for (const ir of target.services) {
    for (const frontend of ir.frontends) {
      const at = frontend.kind === 'nodePort' ? 'node' : frontend.address;
      put(places, `${at} ${ir.protocol} ${frontend.port}`, ir);
      if (frontend.kind !== 'nodePort') put(addresses, frontend.address, ir);
    }
    if (ir.healthCheckNodePort !== undefined) {
      for (const protocol of ['TCP', 'UDP', 'SCTP']) put(places, `node ${protocol} ${ir.healthCheckNodePort}`, ir);
    }
  }
  const index = { places, addresses };
  indexes.set(target, index);
  return index;
}
