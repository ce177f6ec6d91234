import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyCommand } from '../../agent/commands/apply.ts';
import { captureCommand } from '../../agent/commands/capture.ts';
import { bench } from '../../agent/commands/kernels.fixture.ts';
import { verifyFoundCommand } from '../../agent/commands/verify-found.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import type { Run } from '../../backends/command.ts';
import { backendNames, register } from '../../backends/index.ts';
import { lockDir } from '../helpers/lock-dir.ts';
import { bootNetwork, type Network } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { emptyHost } from '../tables/scratch.ts';
import { toyEntry } from '../toy/index.ts';
import { createToyKernel } from '../toy/kernel.ts';

const { lacks } = await probeSupport();
const shop = fileURLToPath(new URL('../verification/', import.meta.url));
const host = { name: 'east-1', addresses: [] };
const scratch = mkdtempSync(join(tmpdir(), 'slicewright-capture-live-'));
const unregister = register(toyEntry(createToyKernel()));
afterAll(() => {
  unregister();
  rmSync(scratch, { recursive: true, force: true });
});

const noRun: Run = () => Promise.reject(new Error('a dump needs no command'));
const common = { node: join(shop, 'node.yaml'), config: join(shop, 'config.yaml'), diagnostics: 'human' } as const;
const moved = join(scratch, 'moved.yaml');
writeFileSync(moved, readFileSync(join(shop, 'objects.yaml'), 'utf8').replaceAll('10.1.1.6', '10.1.1.66'));

/** A node that has the rules of an endpoint's old address: what `capture --live` makes of it, and what that shows. */
async function captureStale(backend: string, run: Run) {
  const options = { ...common, filename: [join(shop, 'objects.yaml')], backend };
  expect(await applyCommand({ ...options, lockDir }, memoryIo(), run, host)).toBe(0);
  const folder = mkdtempSync(join(scratch, `${backend}-`));
  const live = { ...options, filename: [moved], against: [], services: [], live: true };
  const io = memoryIo();
  const status = await captureCommand(folder, live, io, run, host);
  const again = memoryIo();
  const found = await verifyFoundCommand(
    {
      ...{ filename: [join(folder, 'objects.yaml')], node: join(folder, 'node.yaml'), output: 'text', backend },
      ...{ config: join(folder, 'settings.yaml'), against: [join(folder, 'found')], diagnostics: 'human' },
    },
    again,
    noRun,
    host,
  );
  return { status, said: io.written.out, found, differs: again.written.out, folder };
}

const expected = {
  status: 0,
  said: expect.stringMatching(/^A node treats packets to .* \(shop\/cart:http\) differently/),
  found: 3,
  differs: expect.stringContaining('shop/cart:http'),
};

describe.each(backendNames())('capture --live in mode %s', (backend) => {
  it('keeps what the tools print of the kernel, and makes it small', async () => {
    const { folder, ...made } = await captureStale(backend, bench().run);
    expect(made).toEqual(expected);
    const objects = readFileSync(join(folder, 'objects.yaml'), 'utf8');
    expect([objects.includes('10.1.1.66'), objects.includes('dns')]).toEqual([true, false]);
  });
});

describeIn(
  'network namespace',
  lacks.namespaces ?? lacks.nft ?? lacks.conntrack,
  'capture --live on a real kernel',
  () => {
    let network: Network;
    beforeAll(async () => {
      network = await bootNetwork(emptyHost);
    });
    afterAll(() => network.close());

    it.each(['iptables', 'nftables'])('in mode %s', async (backend) => {
      const { folder: _, ...made } = await captureStale(backend, network.run('scratch'));
      expect(made).toEqual(expected);
    });
  },
);
