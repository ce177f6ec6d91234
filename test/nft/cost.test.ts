import { describe, expect, it } from 'vitest';
import { createServiceTable } from '../../agent/loop/service-table.ts';
import type { Run } from '../../backends/command.ts';
import type { Target } from '../../backends/target.ts';
import { createCompiler } from '../../compiler/incremental.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import { node, service, slice } from '../helpers/kubernetes.ts';
import { planeOf } from '../helpers/scope.ts';
import { changesOf } from '../helpers/told.ts';

/* What one change costs, counted: nothing of it may grow with the number of Services. */

const context = { settings: defaultSettings, nodeName: 'n1', localAddresses: undefined };
const told = (gone: boolean, objects: readonly unknown[]) =>
  changesOf(
    objects.map((object) => ({ object, gone })),
    context,
  );

interface Shape {
  readonly protocol: string;
  readonly spec?: object;
}

function objectsOf(i: number, endpoints: readonly string[], { protocol, spec }: Shape): unknown[] {
  const ports = [{ name: 'http', protocol, port: 80, targetPort: 8080 }];
  return [
    service(`s${i}`, { clusterIP: `10.${96 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`, ports, ...spec }),
    slice(`s${i}`, `s${i}-x`, endpoints, { ports: [{ name: 'http', protocol, port: 8080 }] }),
  ];
}

/** A list that counts how often one of its Service ports is looked at. */
function watched<T extends readonly unknown[]>(list: T): { readonly list: T; readonly looks: () => number } {
  let looks = 0;
  const proxy = new Proxy(list, {
    get(target, key, receiver) {
      if (typeof key === 'string' && /^\d+$/.test(key)) looks++;
      return Reflect.get(target, key, receiver) as unknown;
    },
  });
  return { list: proxy, looks: () => looks };
}

const two = ['10.1.0.1', '10.1.0.2'];
const tcp: Shape = { protocol: 'TCP' };
const udp: Shape = { protocol: 'UDP' };
const sticky: Shape = { protocol: 'TCP', spec: { sessionAffinity: 'ClientIP' } };
const outside: Shape = { protocol: 'TCP', spec: { externalIPs: ['203.0.113.9'] } };

/** One Service's change; the others have the Shape of the first one in each cluster. */
const changes: readonly {
  readonly what: string;
  readonly shape: Shape;
  readonly before: readonly unknown[];
  readonly after: readonly unknown[];
  /** Another Service is held back all the time: the kernel rejects what has its endpoint. */
  readonly refused?: string;
}[] = [
  ...Object.entries({ tcp, udp, 'tcp with affinity': sticky }).map(([name, shape]) => ({
    what: `endpoints change of ${name}`,
    shape,
    before: objectsOf(0, two, shape),
    after: objectsOf(0, ['10.1.0.1', '10.1.0.3', '10.1.0.4'], shape),
  })),
  { what: 'one gets an external IP', shape: tcp, before: objectsOf(0, two, tcp), after: objectsOf(0, two, outside) },
  {
    what: 'endpoints change while another is held back',
    shape: tcp,
    before: objectsOf(0, two, tcp),
    after: objectsOf(0, ['10.1.0.3'], tcp),
    refused: '10.1.66.66',
  },
  { what: 'one is added', shape: tcp, before: [], after: objectsOf(0, two, tcp) },
  { what: 'one is removed', shape: udp, before: objectsOf(0, two, udp), after: [] },
  { what: 'one loses all endpoints', shape: tcp, before: objectsOf(0, two, tcp), after: objectsOf(0, [], tcp) },
];

const unsupported = 'Could not process rule: Operation not supported';

/** What a change costs among so many Services. */
async function costOf(
  size: number,
  { shape, before, after, refused }: (typeof changes)[number],
  countsTraffic = false,
) {
  const commands: string[] = [];
  const documents: string[] = [];
  const run: Run = async (file, args, input = '') => {
    commands.push([file, ...args].join(' '));
    const bad = refused === undefined ? -1 : input.split('\n').findIndex((line) => line.includes(refused));
    if (bad >= 0) return { exitCode: 1, stdout: '', stderr: `/dev/stdin:${bad + 1}:1-9: Error: ${unsupported}\n` };
    if (args[0] === '-f') documents.push(input);
    // Nothing is there at first, and then what was written, of which one look at a small set tells.
    const isMissing = args[0] === 'list' && (args[1] !== 'set' || documents.length === 0);
    return isMissing
      ? { exitCode: 1, stdout: '', stderr: 'Error: No such file or directory\n' }
      : { exitCode: 0, stdout: '', stderr: '' };
  };
  const compiler = createCompiler({ ...context, settings: { ...defaultSettings, countsTraffic } });
  const table = createServiceTable();
  const others = Array.from({ length: size - 1 }, (_, i) =>
    objectsOf(i + 1, refused === undefined || i > 0 ? two : [refused], shape),
  ).flat();
  table.apply(compiler.apply(told(false, [node('n1', { addresses: ['192.168.0.1'] }), ...before, ...others])));
  const plane = planeOf('nftables', { run });
  const first = watched(table.of('IPv4').services);
  const contexts = compiler.node().IPv4;
  await plane.sync({ services: first.list, node: contexts }, 'full');
  const looksAtStart = first.looks();
  documents.length = 0;
  commands.length = 0;

  const ports = compiler.apply(told(after.length === 0, after.length === 0 ? before : after));
  table.apply(ports);
  const next = watched(table.of('IPv4').services);
  const wanted: Target = {
    services: next.list,
    node: contexts,
    since: { services: first.list, changes: table.of('IPv4').since.changes },
  };
  const sync = await plane.sync(wanted, 'delta');
  expect(sync).toMatchObject({ depth: 'delta', documents: 1, remarks: [] });
  return {
    looksAtStart,
    ports: ports.size,
    looks: first.looks() - looksAtStart + next.looks(),
    lines: sync.lines,
    statements: documents.join('').match(/^(?:create|add|delete|flush) /gm)?.length,
    bytes: documents.join('').length,
    commands,
  };
}

describe.each(changes)('in nftables mode, $what', (change) => {
  it('costs as much among 5,000 Services as among 1,000: looks, statements, bytes and processes; nothing is read', async () => {
    const [few, many] = [await costOf(1_000, change), await costOf(5_000, change)];
    expect(few.looksAtStart).toBeGreaterThan(0);
    expect(few).toMatchObject({ ports: 1, looks: 0 });
    expect(few.commands.filter((command) => !command.startsWith('conntrack '))).toEqual(['nft -f -']);
    expect({ ...many, looksAtStart: few.looksAtStart }).toEqual(few);
  });

  it('costs the same where rules count', async () => {
    // A rule that remembers clients names its counter; all else counts without a word more.
    const bytes = change.shape === sticky ? expect.any(Number) : (await costOf(100, change)).bytes;
    expect(await costOf(100, change, true)).toEqual({ ...(await costOf(100, change)), bytes });
  });
});
