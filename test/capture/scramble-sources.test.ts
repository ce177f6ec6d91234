import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { captureCommand, type CaptureOptions } from '../../agent/commands/capture.ts';
import { compileCommand } from '../../agent/commands/compile.ts';
import { explainServiceCommand } from '../../agent/commands/explain-service.ts';
import { testCommand } from '../../agent/commands/test.ts';
import { verifyFoundCommand } from '../../agent/commands/verify-found.ts';
import { systemClock } from '../../agent/loop/clock.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import type { Run } from '../../backends/command.ts';
import { nameHash } from '../../backends/name-hash.ts';

/*
 * `capture --scramble` from end to end, for what stands in more than one place: names of clusters, IPv6 addresses, and names in the
 * table of a kube-proxy. The case shows the difference that the plain one shows, holds no previous name and no previous address, and passes
 * `slicewright test`.
 */

const root = fileURLToPath(new URL('../../', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'slicewright-scramble-sources-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const host = { name: 'a-node', addresses: [] };
const configurationOf = (cidr: string, node: string) =>
  `apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nclusterCIDR: ${cidr}\nhostnameOverride: ${node}\n`;
writeFileSync(join(scratch, 'member2.yaml'), configurationOf('10.12.0.0/16', 'member2-control-plane'));
writeFileSync(join(scratch, 'dual-stack.yaml'), configurationOf('10.12.0.0/16,fd00:12::/64', 'node-a'));
const noRun: Run = () => Promise.reject(new Error('a dump needs no command'));

/** Objects and settings by the options that take them; of a cluster by its name. */
interface Incident {
  readonly what: string;
  readonly filename: string;
  readonly node: string;
  readonly config: string;
  readonly registry?: string;
  readonly cluster?: readonly [name: string, path: string];
  /** In the objects of the time at which the node's rules were made. */
  readonly stale: { readonly file: string; readonly find: string; readonly put: string };
  /** Everything that must be gone; a cluster's own name and addresses are among it. */
  readonly secrets: readonly string[];
}

const incidents: readonly Incident[] = [
  {
    what: 'a cluster whose own objects are given, with a registry',
    filename: 'examples/shop',
    node: 'examples/node.yaml',
    config: 'examples/kube-proxy.yaml',
    registry: 'examples/clusters.yaml',
    cluster: ['west', 'examples/west'],
    stale: { file: 'examples/west', find: '10.2.0.8', put: '10.2.0.88' },
    secrets: [
      'shop',
      'cart',
      'west',
      'east',
      'p4zt',
      'x7k2',
      '10.2.0.7',
      '10.2.0.8',
      '10.2.0.88',
      '10.1.0.5',
      '10.96.0.10',
    ],
  },
  {
    what: 'a cluster whose slices Karmada imports',
    filename: 'golden/g03-karmada-import/objects.yaml',
    node: 'golden/g03-karmada-import/node.yaml',
    config: 'member2.yaml',
    registry: 'golden/g03-karmada-import/registry.yaml',
    stale: { file: 'golden/g03-karmada-import/objects.yaml', find: '10.10.0.5', put: '10.10.0.55' },
    secrets: ['serve', 'member1', 'member2', 'x7k2p', '10.10.0.5', '10.10.0.55', '10.13.205.2', '172.18.0.4'],
  },
  {
    what: 'IPv6',
    filename: 'golden/dual-stack/objects.yaml',
    node: 'golden/dual-stack/node.yaml',
    config: 'dual-stack.yaml',
    stale: { file: 'golden/dual-stack/objects.yaml', find: 'fd00:12::12', put: 'fd00:12::99' },
    secrets: [
      'shop',
      'web',
      'fd00:12::12',
      'fd00:12::99',
      'fd00.12..12',
      'fd00.12..99',
      'fd00:13::12',
      '10.13.0.12',
      '10.12.0.12',
    ],
  },
];

/** Everything in a folder, with the names of its files. */
function textOf(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => `${name}\n${readFileSync(join(parentPath, name), 'utf8')}`).join('\n');
}

const leftIn = (text: string, secrets: readonly string[]) =>
  secrets.filter((word) =>
    new RegExp(`(?<![A-Za-z0-9.:])${word.replaceAll('.', '\\.')}(?![A-Za-z0-9:]|\\.\\d)`).test(text),
  );

/** `1 place where …`, as a case's README.md has it: who stands for clients from outside depends on which addresses are taken. */
const differingPlaces = (folder: string) => readFileSync(join(folder, 'README.md'), 'utf8').match(/\d+ places? where/g);

/** The options that a case's README.md names. */
function caseOptions(folder: string): Pick<CaptureOptions, 'filename' | 'node' | 'config' | 'registry' | 'cluster'> {
  const files = readdirSync(folder);
  const cluster = files.flatMap((file) => {
    const name = /^objects\.(.+)\.yaml$/.exec(file)?.[1];
    return name === undefined ? [] : [`${name}=${join(folder, file)}`];
  });
  return {
    ...{ filename: [join(folder, 'objects.yaml')], node: join(folder, 'node.yaml'), cluster },
    config: join(folder, files.includes('config') ? 'config/kube-proxy.yaml' : 'settings.yaml'),
    ...(files.includes('registry.yaml') ? { registry: join(folder, 'registry.yaml') } : {}),
  };
}

/** Captures plain and scrambled, and holds the second to the first. */
async function held(options: CaptureOptions & { readonly backend: string }, secrets: readonly string[]) {
  const [folder, plain] = [mkdtempSync(join(scratch, 'case-')), mkdtempSync(join(scratch, 'plain-'))];
  const io = memoryIo();
  expect(await captureCommand(plain, options, io, noRun, host), io.written.err).toBe(0);
  expect(await captureCommand(folder, { ...options, scramble: 'seed-7' }, io, noRun, host), io.written.err).toBe(0);
  expect(leftIn(textOf(plain), secrets).length).toBeGreaterThan(2);
  expect(leftIn(textOf(folder), secrets)).toEqual([]);
  expect(differingPlaces(folder)).toEqual(differingPlaces(plain));
  const { backend, compat, against } = options;
  const found = readdirSync(join(folder, 'found'));
  // A dump in one file keeps being one.
  const isFile = /\.(nft|txt)$/.test(basename(against[0] ?? ''));
  const dump = isFile ? join(folder, 'found', found[0] ?? '') : join(folder, 'found');
  const again = {
    ...caseOptions(folder),
    ...{ backend, against: [dump], output: 'text' as const, diagnostics: 'human' as const },
    ...(compat === undefined ? {} : { compat }),
  };
  const said = memoryIo();
  expect(await verifyFoundCommand(again, said, noRun, host), said.written.err).toBe(3);
  const test = memoryIo();
  const world = {
    ...{ environment: {}, clock: systemClock, keys: undefined, showsProgress: false, folder: scratch },
    signal: () => new AbortController().signal,
  };
  expect(await testCommand([folder], { ci: true, output: 'text' }, test, world), test.written.out).toBe(0);
  return folder;
}

describe.each(incidents)('capture --scramble with $what', (incident) => {
  it.each(['iptables', 'ipvs', 'nftables'])('in mode %s', async (backend) => {
    const { filename, node, config, registry, cluster, stale, secrets } = incident;
    /** A copy of a path's files, as they were when the node's rules were made. */
    const before = (path: string): string => {
      const from = join(root, path);
      if (path !== stale.file) return from;
      const copy = mkdtempSync(join(scratch, 'before-'));
      const texts = path.endsWith('.yaml')
        ? [[basename(path), readFileSync(from, 'utf8')]]
        : readdirSync(from).map((name) => [name, readFileSync(join(from, name), 'utf8')]);
      for (const [name = '', text = ''] of texts) {
        expect(text).toContain(stale.find);
        writeFileSync(join(copy, name), text.replaceAll(stale.find, stale.put));
      }
      return copy;
    };
    const optionsAt = (at: (path: string) => string) => ({
      ...{
        filename: [at(filename)],
        node: join(root, node),
        config: config.includes('/') ? join(root, config) : join(scratch, config),
        backend,
      },
      ...(registry === undefined ? {} : { registry: join(root, registry) }),
      ...(cluster === undefined ? {} : { cluster: [`${cluster[0]}=${at(cluster[1])}`] }),
      diagnostics: 'human' as const,
    });
    const dump = join(scratch, `dump-${backend}-${incidents.indexOf(incident)}`);
    mkdirSync(dump);
    expect(await compileCommand({ ...optionsAt(before), out: dump }, memoryIo())).toBe(0);
    const now = optionsAt((path) => join(root, path));
    const folder = await held({ ...now, against: [dump], services: [] }, secrets);
    // The endpoint of the other cluster is still one.
    const io = memoryIo();
    const asked = { ...caseOptions(folder), address: '', output: 'json' as const, diagnostics: 'human' as const };
    expect(await explainServiceCommand([], { ...asked, selector: '!none' }, io), io.written.err).toBe(0);
    expect(/"cluster": "[a-z0-9-]+"/.test(io.written.out)).toBe(registry !== undefined);
  });
});

describe("capture --scramble of a kube-proxy's table in nftables mode", () => {
  const conformance = join(root, 'test/conformance/cases');
  it.each([
    {
      ...{ folder: '059-mix', file: 'expected.nft', service: 'shop/shop' },
      ...{ find: /(\d) : 10\.12\.1\.60 \. 8443/, put: '$1 : 10.12.1.60 . 8444' },
      secrets: ['shop', '65XLO5OJ', '5CFDXTE2', '10.12.1.60', '10.13.100.3', '203.0.113.40', '192.168.10.1'],
    },
    {
      ...{ folder: '041-ipv6-only', file: 'expected.ip6.nft', service: undefined },
      ...{ find: /0 : (\S+) \. 8443/, put: '0 : $1 . 8444' },
      secrets: ['default/lb', 'Z62NTLDZ'],
    },
    {
      ...{ folder: '026-affinity', file: 'expected.nft', service: undefined },
      ...{ find: /dnat to 10\.12\.1\.1:8080/, put: 'dnat to 10.12.1.1:8081' },
      secrets: ['web', '4F4RSPXR', '10.12.1.1', '10.12.2.1'],
    },
  ])('of case $folder', async ({ folder, file, service, find, put, secrets }) => {
    const right = readFileSync(join(conformance, folder, file), 'utf8');
    expect(right).toMatch(find);
    const dump = join(scratch, `${folder}.nft`);
    writeFileSync(dump, right.replace(find, put));
    const options = {
      ...{ filename: [join(conformance, folder, 'input.yaml')], node: join(conformance, folder, 'node.yaml') },
      ...{ config: join(conformance, folder, 'kube-proxy.yaml'), backend: 'nftables', compat: 'kube-proxy' as const },
      ...{ against: [dump], services: service === undefined ? [] : [service], diagnostics: 'human' as const },
    };
    const hashes = [...right.matchAll(/-([A-Z2-7]{8})-/g)].map(([, hash = '']) => hash);
    const addresses = right.match(/fd00:[0-9a-f:]+[0-9a-f]/g) ?? [];
    const dotted = addresses.map((address) => address.replaceAll(':', '.'));
    const made = await held(options, [...new Set([...secrets, ...hashes, ...addresses, ...dotted])]);
    const found = textOf(join(made, 'found'));
    // Names that still belong together: no rule leads to a chain that is not there.
    const chains = new Set([...found.matchAll(/^\tchain (\S+) \{/gm)].map(([, name]) => name));
    const targets = [...found.matchAll(/goto ([a-z]+-[A-Z2-7]{8}-[^\s,}]+)/g)].map(([, name]) => name);
    expect(targets.length).toBeGreaterThan(0);
    expect(targets.filter((name) => !chains.has(name))).toEqual([]);
    // A hash is that of the new words, as a kube-proxy would make it.
    const named = [...found.matchAll(/[a-z]+-([A-Z2-7]{8})-([^\s,}]+)/g)];
    expect(named.filter(([, hash, words = '']) => hash !== nameHash(words, 8)).map(([name]) => name)).toEqual([]);
  });
});
