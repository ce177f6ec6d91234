import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { disagreement } from '../../../compiler/semantics/agree.ts';
import { formatPacket } from '../../../compiler/semantics/packet-text.ts';
import { probes } from '../../../compiler/semantics/probes.ts';
import { formatVerdict } from '../../../compiler/semantics/verdict-text.ts';
import { arbitraryNode, arbitraryServices } from '../../../test/helpers/arbitrary-ir.ts';
import { clusterIP, endpoint, makeIR, makeNode, service } from '../../../test/helpers/ir.ts';
import { assemble } from '../../assemble.ts';
import { iptables } from '../../iptables/index.ts';
import { ownChains } from '../../../test/helpers/scope.ts';
import { rulesetText } from '../text/document.ts';
import { restoreTables } from '../fake/restore.ts';
import { type FakeTables, noTables, saveTables } from '../fake/tables.ts';
import { parseSave } from '../text/parse.ts';
import { planRestores, type RestoreStep } from './plan.ts';
import type { Ruleset, Table } from '../rule.ts';
import { traceRuleset } from '../trace/trace.ts';
import { lineCount, restoreText } from './transaction.ts';

/** What a node is to serve at one time; undefined: no slicewright rules found. */
type Wanted = { readonly services: readonly ServicePortIR[]; readonly node: NodeContext } | undefined;

const nothing: Ruleset = { family: 'IPv4', chains: new Map(), hooks: [] };

function programOf(wanted: Wanted): Ruleset {
  return wanted === undefined ? nothing : assemble(iptables, wanted.services, wanted.node).program;
}

function found(tables: FakeTables): Ruleset {
  return parseSave(saveTables(tables), 'IPv4', ownChains.isOurs).ruleset;
}

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

/** What the kernel holds at first and after every commit of a plan. */
function commits(start: FakeTables, steps: readonly RestoreStep[]): FakeTables[] {
  const states = [start];
  for (const { document } of steps) {
    for (const table of document.tables) {
      states.push(load(states.at(-1) as FakeTables, restoreText({ ...document, tables: [table] })));
    }
  }
  return states;
}

const wanted = fc.oneof(
  { weight: 6, arbitrary: fc.record({ services: arbitraryServices(), node: arbitraryNode() }) },
  { weight: 1, arbitrary: fc.constant(undefined) },
);
/** Documents so short that every plan is cut, and so long that none is. */
const limit = fc.constantFrom(10, 40, 4000);

/** Each tries some hundred packets after every commit. By hand: PREFIX_RUNS=1000. */
const prefixRuns = Number(process.env['PREFIX_RUNS'] ?? 20);

describe('a plan', () => {
  it('leads from any program to any other, and then there is nothing to do', () => {
    fc.assert(
      fc.property(wanted, wanted, limit, (before, after, limit) => {
        const start = load(noTables, rulesetText(programOf(before)));
        const steps = planRestores(found(start), programOf(after), ownChains, { limit });
        const end = found(commits(start, steps).at(-1) as FakeTables);
        expect(rulesetText(end)).toBe(rulesetText(programOf(after)));
        expect(planRestores(end, programOf(after), ownChains, { limit })).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('leaves every packet its old verdict or its new one after every commit', () => {
    fc.assert(
      fc.property(wanted, wanted, limit, (before, after, limit) => {
        expect(thirdVerdict(programOf(before), before, after, limit)).toBeUndefined();
      }),
      { numRuns: prefixRuns },
    );
  });

  it('does so too where someone flushed the chains of the kernel, and our hooks with them', () => {
    const flushed = fc.constantFrom<readonly Table[]>(['filter'], ['nat'], ['filter', 'nat']);
    fc.assert(
      fc.property(wanted, flushed, limit, (before, tables, limit) => {
        const program = programOf(before);
        const found = { ...program, hooks: program.hooks.filter(({ table }) => !tables.includes(table)) };
        expect(thirdVerdict(found, before, before, limit)).toBeUndefined();
      }),
      { numRuns: prefixRuns },
    );
  });
});

/** What happens to a packet between two documents and neither before nor after; undefined if nothing does. */
function thirdVerdict(from: Ruleset, before: Wanted, after: Wanted, limit: number): string | undefined {
  const node = after?.node ?? before?.node ?? makeNode();
  const start = load(noTables, rulesetText(from));
  const steps = planRestores(found(start), programOf(after), ownChains, { limit });
  const states = commits(start, steps).map(found);
  for (const packet of probes([...(before?.services ?? []), ...(after?.services ?? [])], node)) {
    const verdicts = states.map((state) => traceRuleset(state, packet, node).verdict);
    const ends = [verdicts[0], verdicts.at(-1)].filter((verdict) => verdict !== undefined);
    const third = verdicts.find((verdict) => ends.every((end) => disagreement(end, verdict) !== undefined));
    if (third === undefined) continue;
    const shown = [ends[0], third, ends[1]].flatMap((verdict) => (verdict === undefined ? [] : formatVerdict(verdict)));
    return [formatPacket(packet), ...shown].join('\n');
  }
  return undefined;
}

describe('the cost of a change', () => {
  const node = makeNode();
  const serviceWith = (i: number, endpoints: number) =>
    makeIR(
      [clusterIP(`10.96.${Math.floor(i / 250)}.${(i % 250) + 1}`, 80)],
      Array.from({ length: endpoints }, (_, k) => endpoint(`10.1.${i % 250}.${k + 1}:80`)),
      { service: service(`shop/s${String(i).padStart(4, '0')}`) },
    );
  const many = (count: number) => Array.from({ length: count }, (_, i) => serviceWith(i, 3));
  const program = (services: readonly ServicePortIR[]) => programOf({ services, node });

  it('of one endpoint is its Service, whatever else there is', () => {
    const services = many(50);
    const changed = services.with(7, serviceWith(7, 4));
    const steps = planRestores(program(services), program(changed), ownChains);
    expect(steps.map(({ document }) => restoreText(document))).toMatchInlineSnapshot(`
      [
        "*nat
      :KUBE-SEP-G6XRRNBWMDAGCOMH - [0:0]
      :KUBE-SVC-YZURZ2ALOENMFF52 - [0:0]
      -A KUBE-SEP-G6XRRNBWMDAGCOMH -s 10.1.7.4/32 -m comment --comment "shop/s0007:http" -j KUBE-MARK-MASQ
      -A KUBE-SEP-G6XRRNBWMDAGCOMH -p tcp -m comment --comment "shop/s0007:http" -m tcp -j DNAT --to-destination 10.1.7.4:80
      -A KUBE-SVC-YZURZ2ALOENMFF52 ! -s 10.1.0.0/16 -d 10.96.0.8/32 -p tcp -m comment --comment "shop/s0007:http cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ
      -A KUBE-SVC-YZURZ2ALOENMFF52 -m comment --comment "shop/s0007:http -> 10.1.7.1:80" -m statistic --mode random --probability 0.25000000000 -j KUBE-SEP-KFHOTWD4KVYOUEDI
      -A KUBE-SVC-YZURZ2ALOENMFF52 -m comment --comment "shop/s0007:http -> 10.1.7.2:80" -m statistic --mode random --probability 0.33333333349 -j KUBE-SEP-D2XBK7QCSZF2KOYP
      -A KUBE-SVC-YZURZ2ALOENMFF52 -m comment --comment "shop/s0007:http -> 10.1.7.3:80" -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-ZYWFOYFG5NC46HHJ
      -A KUBE-SVC-YZURZ2ALOENMFF52 -m comment --comment "shop/s0007:http -> 10.1.7.4:80" -j KUBE-SEP-G6XRRNBWMDAGCOMH
      COMMIT
      ",
      ]
    `);
  });

  it('of a new Service is its chains and its rule in the chain that all share', () => {
    const services = many(50);
    const steps = planRestores(program(services), program([...services, serviceWith(50, 1)]), ownChains);
    expect(steps.map(({ document }) => restoreText(document))).toMatchInlineSnapshot(`
      [
        "*nat
      :KUBE-SEP-DHOFJ2ZDO4D7HZZI - [0:0]
      :KUBE-SVC-CLU4BDYMGU6FA3HE - [0:0]
      -A KUBE-SEP-DHOFJ2ZDO4D7HZZI -s 10.1.50.1/32 -m comment --comment "shop/s0050:http" -j KUBE-MARK-MASQ
      -A KUBE-SEP-DHOFJ2ZDO4D7HZZI -p tcp -m comment --comment "shop/s0050:http" -m tcp -j DNAT --to-destination 10.1.50.1:80
      -A KUBE-SVC-CLU4BDYMGU6FA3HE ! -s 10.1.0.0/16 -d 10.96.0.51/32 -p tcp -m comment --comment "shop/s0050:http cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ
      -A KUBE-SVC-CLU4BDYMGU6FA3HE -m comment --comment "shop/s0050:http -> 10.1.50.1:80" -j KUBE-SEP-DHOFJ2ZDO4D7HZZI
      -I KUBE-SERVICES 51 -d 10.96.0.51/32 -p tcp -m comment --comment "shop/s0050:http cluster IP" -m tcp --dport 80 -j KUBE-SVC-CLU4BDYMGU6FA3HE
      COMMIT
      ",
      ]
    `);
  });

  it('of everything is many documents of bounded length', () => {
    const steps = planRestores(nothing, program(many(1000)), ownChains);
    const lengths = steps.map(({ document }) => lineCount(document.tables));
    expect(Math.max(...lengths)).toBeLessThanOrEqual(4000);
    expect(steps.length).toBeLessThan(6);
    const back = planRestores(program(many(1000)), nothing, ownChains);
    expect(Math.max(...back.map(({ document }) => lineCount(document.tables)))).toBeLessThanOrEqual(4000);
  });

  it('of all Services at once keeps each in one document', () => {
    const before = many(1000);
    const after = before.map((_, i) => serviceWith(i, 4));
    const steps = planRestores(program(before), program(after), ownChains);
    expect(steps.map(({ phase }) => phase)).toEqual(expect.arrayContaining(['prepare', 'switch']));
    const declared = steps.filter(({ phase }) => phase === 'switch').flatMap(({ document }) => document.tables);
    expect(declared.flatMap((table) => table.declared).length).toBe(1000);
    expect(Math.max(...steps.map(({ document }) => lineCount(document.tables)))).toBeLessThanOrEqual(4000);
  });
});
