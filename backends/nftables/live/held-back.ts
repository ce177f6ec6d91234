import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { type ServicePortId, servicePortIn } from '../../../compiler/values/names.ts';
import { link } from '../link.ts';
import { statementTargets } from '../program/check.ts';
import type { Chain, Element, NftProgram, NftSet } from '../program/program.ts';
import type { Statement } from '../program/rule.ts';
import type { NftablesUnit } from '../unit.ts';

const entrances = ['services', 'node-ports', 'refused', 'refused-node-ports'];

/**
 * A program in which some Services have what they have in the kernel now, and all others what is wanted.
 *
 * held   `shop/cart:http`, as in comments of elements
 */
export function holdBack(
  found: NftProgram | undefined,
  units: ReadonlyMap<ServicePortId, NftablesUnit>,
  held: ReadonlySet<string>,
  node: NodeContext,
): NftProgram {
  const others = new Map([...units].filter(([id]) => !held.has(servicePortIn(id))));
  const program = link(others, node);
  return found === undefined ? program : withPartsOf(found, program, held);
}

function withPartsOf(found: NftProgram, program: NftProgram, held: ReadonlySet<string>): NftProgram {
  const sets = new Map<string, NftSet>(
    [...program.sets].map(([name, set]) => [name, { ...set, elements: new Map(set.elements) }]),
  );
  const chains = new Map<string, Chain>(program.chains);

  function keep(set: NftSet | undefined, element: Element | undefined): void {
    if (set === undefined || element === undefined) return;
    const there = sets.get(set.name) ?? { ...set, elements: new Map<string, Element>() };
    if (there.elements.has(element.key)) return;
    sets.set(set.name, { ...there, elements: new Map([...there.elements, [element.key, element]]) });
    if (element.data !== undefined && 'address' in element.data) keepHairpin(element.data.address);
  }

  function keepHairpin(address: string): void {
    const hairpin = found.sets.get('hairpin');
    for (const element of hairpin?.elements.values() ?? []) {
      if (element.key.startsWith(`${address} . `)) keep(hairpin, element);
    }
  }

  function keepChain(name: string): void {
    const chain = found.chains.get(name);
    if (chain === undefined || chains.has(name)) return;
    chains.set(name, chain);
    for (const statement of chain.rules.flatMap((rule) => rule?.statements ?? [])) {
      keepWhatItNeeds(statement);
      statementTargets(found, statement).forEach(keepChain);
    }
  }

  function keepWhatItNeeds(statement: Statement): void {
    const name = statement.kind === 'inSet' || statement.kind === 'update' ? statement.set : undefined;
    const set = found.sets.get(name ?? (statement.kind === 'dnatMap' ? statement.map : ''));
    if (set !== undefined && !sets.has(set.name)) sets.set(set.name, { ...set, elements: new Map() });
    if (statement.kind === 'dnat') keepHairpin(statement.to.address);
    if (statement.kind === 'dnatSlots') for (const { outcome } of statement.slots) keepHairpin(outcome.address);
  }

  for (const entrance of entrances) {
    for (const element of found.sets.get(entrance)?.elements.values() ?? []) {
      if (!held.has(element.comment ?? '')) continue;
      keep(found.sets.get(entrance), element);
      if (element.data !== undefined && 'chain' in element.data) keepChain(element.data.chain);
      const words = element.key.split(' . ');
      const [port = '', protocol = '', address] = words.reverse();
      for (const name of ['guarded', 'cluster-ips']) {
        const set = found.sets.get(name);
        keep(set, set?.elements.get(name === 'guarded' ? element.key : (address ?? '')));
      }
      const kind = address === undefined ? 'node-port-' : '';
      const place = address === undefined ? port : `${address} . ${port}`;
      for (const name of [`${kind}endpoints/${protocol}`, `inside-${kind}endpoints/${protocol}`]) {
        const set = found.sets.get(name);
        for (let slot = 0; set?.elements.has(`${place} . ${slot}`) === true; slot++) {
          keep(set, set.elements.get(`${place} . ${slot}`));
        }
      }
    }
  }
  return { ...program, sets, chains };
}
