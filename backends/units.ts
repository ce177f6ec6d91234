import type { Lowered, Maker } from './maker.ts';
import type { ServicePortIR } from '../compiler/ir/ir.ts';
import type { NodeContext } from '../compiler/ir/node-context.ts';
import { canonicalJson } from '../compiler/values/canonical-json.ts';
import type { ServicePortId } from '../compiler/values/names.ts';

/**
 * A maker that lowers a Service port again only if its meaning changed. It compares content hashes, and the facts about the
 * node and the whole program that lowering depends on. It keeps only the units that the last program used.
 */
export function rememberUnits<Unit, Program, Whole>(maker: Maker<Unit, Program, Whole>): Maker<Unit, Program, Whole> {
  let surroundings = '';
  let known = new Map<ServicePortId, { readonly hash: string; readonly lowered: Lowered<Unit> }>();
  let lastNode: NodeContext | undefined;
  let lastWhole: Whole | undefined;

  function notice(node: NodeContext, whole: Whole): void {
    if (node === lastNode && whole === lastWhole) return;
    lastNode = node;
    lastWhole = whole;
    const now = canonicalJson([node, whole ?? null]);
    if (now !== surroundings) known = new Map();
    surroundings = now;
  }

  return {
    ...maker,
    lower(ir: ServicePortIR, node: NodeContext, whole: Whole): Lowered<Unit> {
      notice(node, whole);
      const before = known.get(ir.id);
      if (before?.hash === ir.hash) return before.lowered;
      const lowered = maker.lower(ir, node, whole, before?.lowered.unit);
      known.set(ir.id, { hash: ir.hash, lowered });
      return lowered;
    },
    link(units, node) {
      for (const id of known.keys()) if (!units.has(id)) known.delete(id);
      return maker.link(units, node);
    },
  };
}
