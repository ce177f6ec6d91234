import { expect, it } from 'vitest';
import type { Observed, Plan } from '../../backends/backend.ts';
import { byName } from '../../backends/index.ts';
import { compile } from '../../compiler/index.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import type { Frontend, ServicePortIR } from '../../compiler/ir/ir.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import { formatDiagnostic } from '../../compiler/values/diagnostic.ts';
import { parseClusterName } from '../../compiler/values/names.ts';
import { randomNumbers, runSeed } from '../helpers/numbers.ts';
import { scopeFor } from '../helpers/scope.ts';
import { judge, type Script } from './judge/judge.ts';
import { attackers, type HostileClusters, hostileClusters, objectsOfBatch } from './objects.ts';

/** `FUZZ_OBJECTS=1000000` takes half an hour; this is what fits into every run of the tests. */
const wanted = Number(process.env['FUZZ_OBJECTS'] ?? 4_000);
const backends = await Promise.all(
  ['iptables', 'ipvs', 'nftables'].map(async (name) => {
    const backend = await byName(name);
    return { name, live: await backend.live() };
  }),
);
const east = parseClusterName('east');
if (east === undefined) throw new Error('east is a name');

/** What a step gives to a tool, off its printed form alone. */
function scriptOf(backend: string, step: Readonly<Record<string, unknown>>): Script {
  // No text yet: arguments of conntrack are made of these values.
  if (step['kind'] === 'forget-connections') return { tool: 'conntrack', text: JSON.stringify(step['flows']) };
  const text = step['document'] ?? step['script'];
  if (typeof text !== 'string') throw new Error(`a step without a script: ${JSON.stringify(step)}`);
  const { command = backend === 'nftables' ? 'nft' : 'iptables-restore' } = step;
  if (typeof command !== 'string') throw new Error(`a step without a command: ${JSON.stringify(step)}`);
  const [tool = ''] = command.split(' ');
  return { tool: tool.replace('ip6tables', 'iptables') as Script['tool'], text };
}

function compiled({ own, east: theirs }: HostileClusters, masqueradeAll: boolean) {
  return compile({
    clusters: [
      { cluster: undefined, objects: own },
      { cluster: east, objects: theirs },
    ],
    settings: { ...defaultSettings, masqueradeAll },
    nodeName: 'n1',
    localAddresses: undefined,
  });
}

/** How many lines a plan may have at most that makes these Service ports, or takes them away. */
function explained(ports: readonly ServicePortIR[]): number {
  const ranges = (frontend: Frontend): number =>
    frontend.kind === 'loadBalancerIP' ? frontend.sourceRanges.length : 0;
  const ofPort = ({ frontends, known }: ServicePortIR): number =>
    10 + frontends.reduce((sum, each) => sum + 6 + 3 * ranges(each) + 2 * known.length, 0) + 4 * known.length;
  return 62 + ports.reduce((sum, port) => sum + ofPort(port), 0);
}

type Backend = (typeof backends)[number];

/** What a plan gives to tools: how much, and what is wrong with it. */
function judgePlan({ name }: Backend, plan: Plan, mostLines: number) {
  const scripts = plan.steps().map((step) => scriptOf(name, step as Readonly<Record<string, unknown>>));
  const lines = scripts.reduce((sum, { text }) => sum + text.split('\n').length - 1, 0);
  const flaws = scripts.flatMap((script) => [
    ...judge(script).map((flaw) => `${name} ${script.tool}: ${flaw}`),
    ...attackers.filter((attacker) => script.text.includes(attacker)).map((attacker) => `${name}: says ${attacker}`),
  ]);
  if (lines > mostLines) flaws.push(`${name}: ${lines} lines, of which the Services explain ${mostLines}`);
  return { scripts: scripts.length, lines, flaws };
}

/** Fuzzed objects, and what they led to, until too much is wrong with it. */
function fuzz(objects: number, seed: number) {
  const random = randomNumbers(seed);
  const kernels = new Map<string, Observed>();
  const before = new Map<Family, readonly ServicePortIR[]>();
  const flaws: string[] = [];
  const figures = { objects: 0, ports: 0, scripts: 0, lines: 0, refusals: 0 };

  function tryBatch(clusters: HostileClusters): void {
    const { services, node, diagnostics } = compiled(clusters, random() < 0.2);
    figures.objects += objectsOfBatch;
    figures.refusals += diagnostics.length;
    for (const text of diagnostics.map(formatDiagnostic)) {
      if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text)) flaws.push(`steers a terminal: ${JSON.stringify(text)}`);
    }
    for (const family of families) {
      const target = { services: services[family], node: node[family] };
      const mostLines = explained(before.get(family) ?? []) + explained(target.services);
      figures.ports += target.services.length;
      for (const backend of backends) {
        // From one batch to the next: so what goes is written, too.
        const key = `${backend.name} ${family}`;
        const kernel = kernels.get(key) ?? backend.live.nothing(scopeFor(family), 'a test');
        const plan = kernel.plan(target, { before: undefined, isToBeApplied: true });
        kernels.set(key, plan.after());
        const judged = judgePlan(backend, plan, mostLines);
        figures.scripts += judged.scripts;
        figures.lines += judged.lines;
        flaws.push(...judged.flaws);
      }
      before.set(family, target.services);
    }
  }

  while (figures.objects < objects && flaws.length < 20) {
    const clusters = hostileClusters(random);
    try {
      tryBatch(clusters);
    } catch (error) {
      // Nothing that somebody writes into an object may end an agent.
      flaws.push(`${String(error)}: ${JSON.stringify(clusters)}`);
    }
  }
  return { flaws: flaws.slice(0, 20), figures };
}

it(`${wanted} fuzzed objects bring no line into any tool's input that is not slicewright's own`, () => {
  const seed = runSeed();
  const before = process.cpuUsage();
  const { flaws, figures } = fuzz(wanted, seed);
  const { user, system } = process.cpuUsage(before);
  if (process.env['FUZZ_OBJECTS'] !== undefined) console.log({ seed, cpuSeconds: (user + system) / 1e6, ...figures });
  expect(flaws, `SEED=${seed} FUZZ_OBJECTS=${wanted} repeats it`).toEqual([]);
  // What is fuzzed is not so bad that nothing of it is served.
  expect(figures.ports).toBeGreaterThan(wanted / 20);
  expect(figures.lines).toBeGreaterThan(wanted);
  expect(figures.refusals).toBeGreaterThan(wanted / 20);
}, 7_200_000);
