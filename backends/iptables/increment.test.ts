import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import { disagreement } from '../../compiler/semantics/agree.ts';
import { probes } from '../../compiler/semantics/probes.ts';
import { compareText } from '../../compiler/values/names.ts';
import { arbitraryServices } from '../../test/helpers/arbitrary-ir.ts';
import { clusterIP, endpoint, makeIR, makeNode, port, rehashed, service } from '../../test/helpers/ir.ts';
import { ownChains } from '../../test/helpers/scope.ts';
import { assemble } from '../assemble.ts';
import { planRestores } from '../netfilter/diff/plan.ts';
import { type RestoreDocument, restoreText } from '../netfilter/diff/transaction.ts';
import { restoreTables } from '../netfilter/fake/restore.ts';
import { type FakeTables, noTables, saveTables } from '../netfilter/fake/tables.ts';
import { staleFlows } from '../netfilter/live/flows.ts';
import type { Chain, Ruleset } from '../netfilter/rule.ts';
import { rulesetText } from '../netfilter/text/document.ts';
import { parseSave } from '../netfilter/text/parse.ts';
import { traceRuleset } from '../netfilter/trace/trace.ts';
import { rememberUnits } from '../units.ts';
import { createIncrement, type UnitChanges } from './increment.ts';
import { iptables } from './maker.ts';
import type { IptablesUnit } from './unit.ts';

const node = makeNode();

function load(tables: FakeTables, text: string): FakeTables {
  const call = { family: 'IPv4', mode: 'nft', called: 'iptables-restore', noflush: true, test: false } as const;
  const { tables: after, result } = restoreTables(tables, {
    ...call,
    text,
    refuses: () => false,
    hasAccount: () => true,
  });
  if (result.exitCode !== 0) throw new Error(`${result.stderr}\n${text}`);
  return after;
}

function found(tables: FakeTables): Ruleset {
  return parseSave(saveTables(tables), 'IPv4', ownChains.isOurs).ruleset;
}

function changesOf(before: ReadonlyMap<string, IptablesUnit>, after: ReadonlyMap<string, IptablesUnit>): UnitChanges {
  const ids = new Set([...before.keys(), ...after.keys()]) as Set<IptablesUnit['id']>;
  return new Map([...ids].map((id) => [id, after.get(id) ?? 'gone'] as const));
}

const refused = { kind: 'reject', why: 'no-endpoints' } as const;

/** They stay as they are, before, between and after the others, and make shared chains so long that they are edited in place. */
const standing: readonly ServicePortIR[] = ['aa', 'bz', 'dz', 'zz'].flatMap((name, group) =>
  Array.from({ length: 20 }, (_, i) => {
    const number = group * 20 + i;
    const endpoints = i % 2 === 0 ? [endpoint(`10.2.0.${number + 1}:80`)] : [];
    const route = endpoints.length > 0 ? ({ kind: 'forward', pool: 'cluster' } as const) : refused;
    return rehashed(
      makeIR([clusterIP(`10.97.0.${number + 1}`, 80), { kind: 'nodePort', port: port(31500 + number) }], endpoints, {
        service: service(`shop/${name}${i}`),
        internal: route,
        external: route,
      }),
    );
  }),
);

/** Either a crowd or a few: short chains are written whole. */
const states = fc
  .tuple(fc.boolean(), fc.array(arbitraryServices(), { minLength: 2, maxLength: 6 }))
  .map(([isCrowded, lists]) =>
    lists.map((services) => [...(isCrowded ? standing : []), ...services].toSorted((a, b) => compareText(a.id, b.id))),
  );

it.each([500, 2_500])('a change among %i Services looks at the chains of those that change alone', (count) => {
  const named = (i: number, endpoints: readonly string[]) =>
    rehashed(
      makeIR(
        [clusterIP(`10.96.${i >> 8}.${i & 255}`, 80)],
        endpoints.map((one) => endpoint(one)),
        { service: service(`shop/s${i}`) },
      ),
    );
  const services = Array.from({ length: count }, (_, i) => named(i, ['10.1.0.1:80', '10.1.0.2:80']));
  const { units } = assemble(iptables, services, node);
  let looks = 0;
  const watched = new Map(
    [...units].map(([id, unit]) => [id, { ...unit, chains: unit.chains.map((chain) => watch(chain, () => looks++)) }]),
  );
  const increment = createIncrement(iptables.link(watched, node), watched, node, ownChains, new Set());
  expect(looks).toBeGreaterThan(count);
  looks = 0;
  const changed = named(7, ['10.1.0.1:80', '10.1.0.3:80']);
  const change = increment?.change(
    new Map([[changed.id, iptables.lower(changed, node, iptables.wholeOf(services)).unit]]),
  );
  change?.staleFlows([changed]);
  change?.commit();
  increment?.rules();
  expect(change?.document?.tables.flatMap(({ declared }) => declared)).toHaveLength(3);
  // The chain that all share stays, and of the Service's three before only lines are compared, counted and printed.
  expect(looks).toBeLessThan(10);
});

/** The same, which tells of looks at its rules. */
function watch({ table, name, key, lines, rules }: Chain, onLook: () => void): Chain {
  return {
    ...{ table, name, key, rules },
    get lines() {
      onLook();
      return lines;
    },
  };
}

/** The packet that gets neither its old nor its new verdict between two tables of a document; undefined: none does. */
function thirdVerdict(start: FakeTables, document: RestoreDocument, services: readonly ServicePortIR[]) {
  let tables = start;
  const seen = document.tables.map((table) => {
    tables = load(tables, restoreText({ ...document, tables: [table] }));
    return found(tables);
  });
  const kernels = [found(start), ...seen];
  return probes(services, node).find((packet) => {
    const [before, ...later] = kernels.map((kernel) => traceRuleset(kernel, packet, node).verdict);
    const after = later.at(-1);
    if (before === undefined || after === undefined) return false;
    return later.some((one) => [before, after].every((end) => disagreement(end, one) !== undefined));
  });
}

it('a program that changes in place is the one that is linked anew, and its documents are those of a plan', () => {
  let quick = 0;
  let edited = 0;
  let equal = 0;
  fc.assert(
    fc.property(states, ([first = [], ...rest]) => {
      const maker = rememberUnits(iptables);
      const start = assemble(maker, first, node);
      const increment = createIncrement(start.program, start.units, node, ownChains, new Set());
      let tables = load(noTables, rulesetText(start.program));
      let before = { services: first, program: start.program };
      for (const services of increment === undefined ? [] : rest) {
        const { program, units } = assemble(maker, services, node);
        const change = increment?.change(changesOf(increment.units, units));
        if (increment === undefined || change === undefined) return;
        quick++;
        const document = change.document && restoreText(change.document);
        if (document?.includes('\n-D ') === true) edited++;
        const steps = planRestores(before.program, program, ownChains);
        const planned = steps.map((step) => restoreText(step.document)).join('') || undefined;
        // Between two tables, rules of several Service ports may be in another order: then the test compares what packets meet.
        if (document !== planned && change.document !== undefined) {
          expect(change.document.tables.length).toBe(3);
          const few = [...before.services, ...services].filter((ir) => !standing.includes(ir));
          expect(thirdVerdict(tables, change.document, few)).toBeUndefined();
        } else {
          expect(document).toBe(planned);
          equal++;
        }
        expect(change.staleFlows(services)).toEqual(staleFlows(before.program, program, services, ownChains));
        if (document !== undefined) tables = load(tables, document);
        change.commit();
        expect(rulesetText(increment.ruleset())).toBe(rulesetText(program));
        expect(rulesetText(found(tables))).toBe(rulesetText(program));
        expect(increment.rules()).toEqual(createIncrement(program, units, node, ownChains, new Set())?.rules());
        expect(increment.knownEndpoints()).toBe(services.reduce((sum, { known }) => sum + known.length, 0));
        before = { services, program };
      }
    }),
    { numRuns: 60 },
  );
  // Most changes are counted, and many are in long chains.
  expect(quick).toBeGreaterThan(60);
  expect(edited).toBeGreaterThan(10);
  expect(equal).toBeGreaterThan(quick / 2);
});
