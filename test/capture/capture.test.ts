import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { captureCommand, type CaptureOptions } from '../../agent/commands/capture.ts';
import { compileCommand } from '../../agent/commands/compile.ts';
import { testCommand } from '../../agent/commands/test.ts';
import { verifyFoundCommand } from '../../agent/commands/verify-found.ts';
import { systemClock } from '../../agent/loop/clock.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import type { Run } from '../../backends/command.ts';
import { backendNames } from '../../backends/index.ts';
import { faults } from '../verification/faults.ts';

const shop = fileURLToPath(new URL('../verification/', import.meta.url));
const host = { name: 'east-1', addresses: [] };
const noRun: Run = () => Promise.reject(new Error('a dump needs no command'));
const scratch = mkdtempSync(join(tmpdir(), 'slicewright-capture-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Services of others, around those that faults are seeded in. */
function manyServices(count: number): string {
  const items = Array.from({ length: count }, (_, i) => {
    const [name, at] = [`other-${i}`, `${(i >> 8) + 1}.${i & 255}`];
    return [
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, namespace: 'crowd' },
        spec: { clusterIP: `10.97.${at}`, clusterIPs: [`10.97.${at}`], ports: [{ port: 80, protocol: 'TCP' }] },
      },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: `${name}-x`, namespace: 'crowd', labels: { 'kubernetes.io/service-name': name } },
        addressType: 'IPv4',
        endpoints: [{ addresses: [`10.1.1${at}`] }, { addresses: [`10.1.2${at}`] }].map(({ addresses }, n) => ({
          addresses: addresses.map((address) =>
            address.replace(/^(10\.1)\..*$/, `$1.${100 + 2 * (i >> 8) + n}.${i & 255}`),
          ),
        })),
        ports: [{ name: '', port: 8080, protocol: 'TCP' }],
      },
    ];
  });
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: items.flat() });
}

/** What `slicewright test` says of a case, where nothing is written. */
async function heldBy(folder: string): Promise<{ readonly status: number; readonly out: string }> {
  const io = memoryIo();
  const world = {
    ...{ environment: {}, clock: systemClock, keys: undefined, showsProgress: false, folder: scratch },
    signal: () => new AbortController().signal,
  };
  return { status: await testCommand([folder], { ci: true, output: 'text' }, io, world), out: io.written.out };
}

const crowd = join(scratch, 'crowd.json');
writeFileSync(crowd, manyServices(497));

describe.each(backendNames())('capture in mode %s', (backend) => {
  const node = join(scratch, backend);
  const input = {
    filename: [join(shop, 'objects.yaml'), crowd],
    node: join(shop, 'node.yaml'),
    config: join(shop, 'config.yaml'),
    backend,
    diagnostics: 'human',
  } as const;
  beforeAll(async () => {
    expect(await compileCommand({ ...input, out: node }, memoryIo())).toBe(0);
  });

  async function capture(folder: string, options: Partial<CaptureOptions> = {}) {
    const io = memoryIo();
    const status = await captureCommand(
      folder,
      { ...input, against: [node], services: [], ...options },
      io,
      noRun,
      host,
    );
    return { status, ...io.written };
  }

  const all = faults[backend] ?? [];
  const some = all.filter((_, i) => i % Math.ceil(all.length / 2) === 0);

  it.each(some)(
    'makes a case of at most three Services that still shows it when $what',
    async ({ file, find, put, at }) => {
      const path = join(node, file);
      const right = readFileSync(path, 'utf8');
      const wrong = right.replace(find, put);
      expect(wrong).not.toBe(right);
      const folder = mkdtempSync(join(scratch, 'case-'));
      writeFileSync(path, wrong);
      try {
        const namespace = at.source.includes('shop') ? { namespace: 'shop' } : {};
        expect(await capture(folder, namespace)).toMatchObject({ status: 0 });
      } finally {
        writeFileSync(path, right);
      }
      const text = (name: string) => readFileSync(join(folder, name), 'utf8');
      expect(text('objects.yaml').match(/^kind: Service$/gm)?.length ?? 0).toBeLessThanOrEqual(3);
      expect(text('objects.yaml')).not.toContain('crowd');
      const io = memoryIo();
      const again = {
        filename: [join(folder, 'objects.yaml')],
        node: join(folder, 'node.yaml'),
        config: join(folder, 'settings.yaml'),
        backend,
        against: [join(folder, 'found')],
        output: 'text',
        diagnostics: 'human',
      } as const;
      expect(await verifyFoundCommand(again, io, noRun, host)).toBe(3);
      expect(io.written.out).toMatch(at);
      expect(text('flows.txt')).toContain(' -> ');
      expect(await heldBy(folder)).toMatchObject({ status: 0, out: expect.stringMatching(/^pass/) });
      expect(Number(/in (\d+) tries/.exec(text('README.md'))?.[1])).toBeLessThan(3000);
    },
  );

  it('writes the objects of a named Service, where nothing differs, as a case', async () => {
    const folder = join(scratch, `${backend}-cart`);
    expect(await capture(folder, { services: ['shop/cart'] })).toMatchObject({ status: 0 });
    expect(readdirSync(folder).sort()).toEqual([
      'README.md',
      'diagnostics.txt',
      'flows.txt',
      ...backendNames().map((name) => `${name}.txt`),
      'node.yaml',
      'objects.yaml',
      'packets.txt',
      'settings.yaml',
      'verdicts.txt',
    ]);
    expect(await heldBy(folder)).toMatchObject({ status: 0 });
    const objects = readFileSync(join(folder, 'objects.yaml'), 'utf8');
    expect(objects.match(/^kind: .*$/gm)).toEqual(['kind: Service', 'kind: EndpointSlice']);
    const compiled = { ...input, filename: [join(folder, 'objects.yaml')], node: join(folder, 'node.yaml') };
    const [small, whole] = [memoryIo(), memoryIo()];
    await compileCommand({ ...compiled, config: join(folder, 'settings.yaml') }, small);
    await compileCommand({ ...input, filename: [join(shop, 'objects.yaml')] }, whole);
    expect(small.written.out).toContain('10.96.0.10');
    expect(whole.written.out).toContain('10.96.0.12');
    expect(small.written.out).not.toContain('10.96.0.12');
  });

  it('writes nothing where nothing differs and nothing is named, and never into a folder with files', async () => {
    const folder = join(scratch, `${backend}-none`);
    const [nothing, filled] = [await capture(folder), await capture(node, { services: ['shop/cart'] })];
    expect([nothing.status, nothing.err]).toEqual([1, expect.stringContaining('name a Service')]);
    expect(() => readdirSync(folder)).toThrow('ENOENT');
    expect([filled.status, filled.err]).toEqual([1, expect.stringContaining('is not empty')]);
  });
});
