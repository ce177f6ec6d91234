import { describe, expect, it } from 'vitest';
import { parseRegistry } from '../agent/input/registry.ts';
import { createServiceTable } from '../agent/loop/service-table.ts';
import type { Run } from '../backends/command.ts';
import { createFakeIpvsKernel } from '../backends/ipvs/fake/kernel.ts';
import { createFakeKernel } from '../backends/netfilter/fake/kernel.ts';
import { createFakeNft } from '../backends/nftables/fake/fake-nft.ts';
import type { FamilySync } from '../backends/plane/plane.ts';
import type { ServicePortIR } from '../compiler/ir/ir.ts';
import { createCompiler } from '../compiler/incremental.ts';
import { defaultSettings } from '../compiler/settings.ts';
import { dispatched, node, openService, service, slice } from './helpers/kubernetes.ts';
import { planeOf } from './helpers/scope.ts';
import { changesOf, type WrittenChange } from './helpers/told.ts';
import { countWalks } from './helpers/walks.ts';

/*
 * What each kind of change costs, counted: all that does not depend on the machine's speed must be the same among 5,000
 * Services as among 1,000. Names of the Services that change come first, so that places in chains have as many digits.
 */

/** A cluster that is registered is known also while it has nothing here. */
const registry = parseRegistry(
  { apiVersion: 'slicewright.dev/v1alpha1', kind: 'ClusterRegistry', clusters: [{ id: 'east' }] },
  'the registry',
);
const context = { settings: defaultSettings, nodeName: 'n1', localAddresses: undefined, registry };
const sizes = [1_000, 5_000] as const;
/** Of a lost cluster. */
const shared = Array.from({ length: 20 }, (_, i) => `b${i + 10}`);

const put = (...objects: readonly unknown[]): WrittenChange[] => objects.map((object) => ({ object, gone: false }));
const gone = (...objects: readonly unknown[]): WrittenChange[] => objects.map((object) => ({ object, gone: true }));

const http = { ports: [{ port: 80, protocol: 'TCP', targetPort: 8080 }] };
const first = service('a0', { clusterIP: '10.96.0.1', ...http });
const added = service('a1', {
  clusterIP: '10.96.0.2',
  type: 'NodePort',
  ports: [{ ...http.ports[0], nodePort: 30_000 }],
});
/** The first node port has a sysctl set: not with each change. */
const other = service('a2', {
  clusterIP: '10.96.0.3',
  type: 'NodePort',
  ports: [{ ...http.ports[0], nodePort: 30_001 }],
});
const firstSlice = (...endpoints: readonly string[]) => slice('a0', 'a0-x', endpoints);
const eastSlice = (name: string) => dispatched(name, 'east', ['10.3.0.1', '10.3.0.2']);

/** What happens, one after the other. */
const story: readonly (readonly [kind: string, changes: readonly WrittenChange[]])[] = [
  ['an endpoint added', put(firstSlice('10.1.0.1', '10.1.0.2', '10.1.0.3'))],
  ['an endpoint replaced', put(firstSlice('10.1.0.1', '10.1.0.2', '10.1.0.4'))],
  ['an endpoint removed', put(firstSlice('10.1.0.1', '10.1.0.2'))],
  ['the last endpoints removed', put(firstSlice())],
  ['the first endpoint added', put(firstSlice('10.1.0.1'))],
  ['a Service added', put(added)],
  ['its endpoints added', put(slice('a1', 'a1-x', ['10.1.1.1', '10.1.1.2']))],
  ['a Service removed', gone(added, slice('a1', 'a1-x', []))],
  ['a cluster lost', gone(...shared.map(eastSlice))],
];

/** Where no Service has a node port, nobody looks for one. */
const withoutNodePorts = story.slice(0, 5);

function clusterOf(services: number, hasNodePorts: boolean): WrittenChange[] {
  const others = Array.from({ length: services }, (_, i) => [
    service(`s${i}`, { clusterIP: `10.97.${i >> 8}.${i & 255}`, ...http }),
    // One in ten is refused, in table filter.
    slice(`s${i}`, `s${i}-x`, i % 10 === 0 ? [] : ['10.2.0.1', '10.2.0.2']),
  ]).flat();
  const open = shared.flatMap((name, i) => [
    openService(name, { clusterIP: `10.98.0.${i}`, ...http }),
    slice(name, `${name}-x`, ['10.2.0.3']),
    eastSlice(name),
  ]);
  return put(
    node('n1', { addresses: ['192.168.0.1'] }),
    first,
    ...(hasNodePorts ? [other] : []),
    firstSlice('10.1.0.1', '10.1.0.2'),
    ...open,
    ...others,
  );
}

/** A list that counts how often one of its Service ports is looked at. */
function watched(list: readonly ServicePortIR[]) {
  let looks = 0;
  const proxy = new Proxy(list, {
    get(target, key, receiver) {
      if (typeof key === 'string' && /^\d+$/.test(key)) looks++;
      return Reflect.get(target, key, receiver) as unknown;
    },
  });
  return { list: proxy, looks: () => looks };
}

/** `:KUBE-SVC-X`, `-A KUBE-SVC-X`; `add element ip kube-proxy service-ips`. */
const subject = /^(?:[:]|-[A-Z] |(?:add|create|delete|destroy|flush) \w+ \w+ \S+ )([\w./-]+)/gm;

/** Chains, maps and sets that documents change. */
function touchedBy(documents: string): Set<string> {
  return new Set([...documents.matchAll(subject)].map(([, name = '']) => name));
}

interface Cost {
  readonly objects: number;
  /** Services that were compiled again, and Service ports that mean something else now. */
  readonly recompiled: number;
  readonly ports: number;
  /** At Service ports of the whole list. */
  readonly looks: number;
  readonly processes: number;
  readonly documents: number;
  readonly lines: number;
  readonly bytes: number;
  /** Of what the tools showed. */
  readonly linesRead: number;
  /** Chains, maps and sets that documents of rules name as those to be changed. */
  readonly touched: number;
  /** Elements of maps, sets and lists that were walked over: compared, sorted, linked, counted. */
  readonly walked: number;
  /** The same, to find all diagnostics afterwards. */
  readonly surveyed: number;
}

const kernels: Readonly<Record<string, () => Run>> = {
  iptables: () => createFakeKernel().run,
  ipvs: () => createFakeIpvsKernel().run,
  nftables: () => createFakeNft().run,
};

async function costsOf(mode: string, services: number, happens = story): Promise<Map<string, Cost>> {
  const kernel = kernels[mode]?.();
  if (kernel === undefined) return expect.unreachable(`${mode} has no kernel here`);
  let [processes, linesRead] = [0, 0];
  let texts = '';
  using walks = countWalks();
  const run: Run = async (file, args, input = '') => {
    processes++;
    texts += input;
    const result = await walks.without(() => kernel(file, args, input));
    linesRead += result.stdout.split('\n').length - 1;
    return result;
  };
  const compiler = createCompiler(context);
  const table = createServiceTable();
  const plane = planeOf(mode, { run });
  table.apply(compiler.apply(changesOf(clusterOf(services, happens === story), context)));
  let list = watched(table.of('IPv4').services);
  await plane.sync({ services: list.list, node: compiler.node().IPv4 }, 'full');
  expect(list.looks()).toBeGreaterThan(services);

  const costs = new Map<string, Cost>();
  async function sync(kind: string, written: readonly WrittenChange[]): Promise<FamilySync> {
    const before = { list, looks: list.looks() };
    [processes, linesRead, texts] = [0, 0, ''];
    const known = new Map(compiler.services());
    const walkedBefore = walks.count();
    const objects = changesOf(written, context);
    const ports = compiler.apply(objects);
    table.apply(ports);
    list = watched(table.of('IPv4').services);
    const since = { services: before.list.list, changes: table.of('IPv4').since.changes };
    const done = await plane.sync({ services: list.list, node: compiler.node().IPv4, since }, 'delta');
    const walked = walks.count() - walkedBefore;
    const surveyedBefore = walks.count();
    compiler.diagnostics();
    const surveyed = walks.count() - surveyedBefore;
    expect(done).toMatchObject({ depth: 'delta', deltaRefused: false, remarks: [] });
    costs.set(kind, {
      ...{ objects: objects.length, ports: ports.size, processes, bytes: texts.length, linesRead, walked, surveyed },
      recompiled: [...compiler.services()].filter(([key, service]) => known.get(key) !== service).length,
      touched: touchedBy(texts).size,
      looks: list.looks() + before.list.looks() - before.looks,
      documents: done.documents,
      lines: done.lines,
    });
    return done;
  }
  for (const [kind, written] of happens) {
    const { againInMs } = await sync(kind, written);
    // What leaves goes with its last connection.
    if (againInMs !== undefined) expect((await sync(`${kind}, its end`, [])).againInMs).toBeUndefined();
  }
  // What was counted is what is there.
  const wanted = { services: list.list, node: compiler.node().IPv4 };
  expect(await plane.sync(wanted, 'full')).toMatchObject({ documents: 0, drift: [] });
  return costs;
}

describe.each(Object.keys(kernels))('in %s mode', (mode) => {
  it('each kind of change costs the same among 5,000 Services as among 1,000', async () => {
    const [few, many] = [await costsOf(mode, sizes[0]), await costsOf(mode, sizes[1])];
    expect(many).toEqual(few);
    for (const [kind, { looks }] of few) expect({ kind, looks }).toEqual({ kind, looks: 0 });
    expect(few.get('an endpoint added')).toMatchObject({ objects: 1, recompiled: 1, ports: 1 });
    expect(few.get('a cluster lost')).toMatchObject({ objects: 20, recompiled: 20, ports: 20 });
    if (mode === 'ipvs') expect(few.get('an endpoint replaced')).toMatchObject({ processes: 2, lines: 4 });
    const spent = new Map(
      [...few].map(([kind, { processes, documents, linesRead }]) => [kind, [processes, documents, linesRead]]),
    );
    expect(spent).toEqual(mode === 'ipvs' ? spentOnServers : new Map(story.map(([kind]) => [kind, [1, 1, 0]])));
  });

  it('where no Service has a node port, a change of endpoints looks at no other Service', async () => {
    const costs = await costsOf(mode, 1_000, withoutNodePorts);
    for (const [kind, { looks }] of costs) expect({ kind, looks }).toEqual({ kind, looks: 0 });
  });
});

/**
 * Processes, those of them that write, and lines read, where several tools share the work. Only what leaves is looked at: each of
 * its virtual servers by one process, which shows three lines of heading.
 */
const spentOnServers = new Map<string, readonly number[]>([
  ['an endpoint added', [2, 2, 0]],
  ['an endpoint replaced', [2, 2, 0]],
  ['an endpoint replaced, its end', [3, 2, 8]],
  ['an endpoint removed', [2, 2, 0]],
  ['an endpoint removed, its end', [3, 2, 7]],
  ['the last endpoints removed', [2, 2, 0]],
  ['the last endpoints removed, its end', [3, 2, 6]],
  ['the first endpoint added', [2, 2, 0]],
  ['a Service added', [3, 3, 0]],
  ['its endpoints added', [2, 2, 0]],
  ['a Service removed', [3, 3, 0]],
  ['a Service removed, its end', [8, 5, 12]],
  ['a cluster lost', [2, 2, 0]],
  ['a cluster lost, its end', [22, 2, 140]],
]);
