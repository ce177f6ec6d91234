import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { type ServicePortId, servicePortIn } from '../../../compiler/values/names.ts';
import { link } from '../link.ts';
import { statementTargets } from '../program/check.ts';
import type { Chain, Element, NftProgram, NftSet } from '../program/program.ts';
import type { Statement } from '../program/rule.ts';
import { parseSpreadChain, type SpreadChain } from '../names.ts';
import type { Name } from '../program/names.ts';
import type { NftablesUnit } from '../unit.ts';

const entrances = ['services', 'node-ports', 'refused', 'refused-node-ports'];

/** A program in which some Services have what they have in the kernel now, and all other Services what is wanted. */
export interface HeldBack {
  readonly program: NftProgram;
  /** The units of the other Service ports, and one unit of all kept parts: the program is made of these. */
  readonly units: ReadonlyMap<ServicePortId, NftablesUnit>;
}

/** The kept parts form a unit with an id that no Service port has. */
const keptId = '' as ServicePortId;

/** held   `shop/cart:http`, as in comments of elements */
export function holdBack(
  found: NftProgram | undefined,
  units: ReadonlyMap<ServicePortId, NftablesUnit>,
  held: ReadonlySet<string>,
  node: NodeContext,
): HeldBack {
  const others = new Map([...units].filter(([id]) => !held.has(servicePortIn(id))));
  const program = link(others, node);
  if (found === undefined) return { program, units: others };
  const { kept, ...made } = withPartsOf(found, program, held);
  return { ...made, units: new Map([...others, [keptId, kept]]) };
}

function withPartsOf(found: NftProgram, program: NftProgram, held: ReadonlySet<string>) {
  const sets = new Map<string, NftSet>(
    [...program.sets].map(([name, set]) => [name, { ...set, elements: new Map(set.elements) }]),
  );
  const chains = new Map<string, Chain>(program.chains);
  const shares = new Map<string, Map<string, Element>>();
  const spreads = new Map<Name, SpreadChain>();
  const ownChains: Chain[] = [];
  const ownSets = new Map<string, NftSet>();

  function keep(set: NftSet | undefined, element: Element | undefined): void {
    if (set === undefined || element === undefined) return;
    const there = sets.get(set.name) ?? { ...set, elements: new Map<string, Element>() };
    const others = there.elements.get(element.key);
    // Where other units need an element too, the kept unit is one more unit that needs it.
    if (others === undefined || others.text === element.text) {
      const share = shares.get(set.name) ?? new Map<string, Element>();
      shares.set(set.name, share);
      if (!share.has(element.key)) share.set(element.key, others === undefined ? element : { ...others });
    }
    if (others !== undefined) return;
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
    const spread = chain && parseSpreadChain(chain.name);
    if (chain !== undefined && spread !== undefined) spreads.set(chain.name, spread);
    if (chain === undefined || chains.has(name)) return;
    chains.set(name, chain);
    if (spread === undefined) ownChains.push(chain);
    for (const statement of chain.rules.flatMap((rule) => rule?.statements ?? [])) {
      keepWhatItNeeds(statement);
      statementTargets(found, statement).forEach(keepChain);
    }
  }

  function keepWhatItNeeds(statement: Statement): void {
    const name = statement.kind === 'inSet' || statement.kind === 'update' ? statement.set : undefined;
    const set = found.sets.get(name ?? (statement.kind === 'dnatMap' ? statement.map : ''));
    if (set !== undefined && !sets.has(set.name)) {
      const empty: NftSet = { ...set, elements: new Map() };
      sets.set(set.name, empty);
      if (set.dynamic !== undefined) ownSets.set(set.name, empty);
    }
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
  const kept: NftablesUnit = {
    id: keptId,
    shares: [...shares].map(([set, elements]) => ({ set, elements: [...elements.values()] })),
    spreads: [...spreads].map(([name, spread]) => ({ name, spread })),
    chains: ownChains,
    sets: [...ownSets.values()],
  };
  return { program: { ...program, sets, chains }, kept };
}
