import { protocolText } from '../../../compiler/values/port.ts';
import { unreachable } from '../../../compiler/values/unreachable.ts';
import type { Chain, NftProgram } from '../program/program.ts';
import type { EndpointAddress, Field } from '../program/rule.ts';
import type { Flow } from './flow.ts';

/** What a flow shows a set or map that is looked up by these fields. */
export function keyOfFlow(fields: readonly Field[], flow: Flow): string {
  const words = fields.map((field) => {
    switch (field) {
      case 'saddr':
        return flow.packet.source;
      case 'daddr':
        return flow.destination;
      case 'l4proto':
        return protocolText(flow.packet.protocol);
      case 'dport':
        return String(flow.destinationPort);
      default:
        return unreachable(field);
    }
  });
  return words.join(' . ');
}

/** Where each set of clients remembers them: a chain fills it where it translates to one endpoint. */
const known = new WeakMap<NftProgram, ReadonlyMap<string, EndpointAddress>>();

export function rememberers(program: NftProgram): ReadonlyMap<string, EndpointAddress> {
  const found = known.get(program) ?? new Map([...program.chains.values()].flatMap(remembererOf));
  known.set(program, found);
  return found;
}

function remembererOf({ rules }: Chain): [string, EndpointAddress][] {
  const statements = rules.flatMap((rule) => rule?.statements ?? []);
  const update = statements.find((one) => one.kind === 'update');
  const dnat = statements.find((one) => one.kind === 'dnat');
  return update === undefined || dnat === undefined ? [] : [[update.set, dnat.to]];
}
