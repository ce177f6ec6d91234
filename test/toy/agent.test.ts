import { mkdirSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { agentCommand, type AgentOptions } from '../../agent/commands/agent.ts';
import { cartOf, createScratch, nodeOf, type Scratch } from '../../agent/commands/commands.fixture.ts';
import { thisHost } from '../../agent/node/host.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import { statusCommand } from '../../agent/commands/status.ts';
import { register } from '../../backends/index.ts';
import { createFakeIpvsKernel } from '../../backends/ipvs/fake/kernel.ts';
import { eventually } from '../helpers/eventually.ts';
import { here } from './bench.fixture.ts';
import { toyEntry } from './index.ts';
import { createToyKernel, type ToyKernel } from './kernel.ts';
import { lockDir } from '../helpers/lock-dir.ts';
import { ownAddressText } from '../helpers/own-address.ts';

/* The agent's own command, over a folder of manifests, with the toy in the place of a kernel. */

let scratch: Scratch;
let kernel: ToyKernel;
let unregister: () => void;
let stop: AbortController;
let running: Promise<unknown>[];
beforeEach(() => {
  scratch = createScratch();
  mkdirSync(`${scratch.root}/shop`);
  scratch.put('shop/node.yaml', nodeOf('192.0.2.1'));
  kernel = createToyKernel();
  unregister = register(toyEntry(kernel));
  stop = new AbortController();
  running = [];
});
afterEach(async () => {
  stop.abort();
  await Promise.all(running);
  unregister();
  scratch.remove();
});

const prefix = 'TOY';
const cart = 'shop/cart:http/TCP/IPv4';
const proxyName = 'service.kubernetes.io/service-proxy-name';
const served = (...addresses: string[]) =>
  cartOf(...addresses).replace(
    'name: cart, namespace: shop}',
    `name: cart, namespace: shop, labels: {${proxyName}: toy}}`,
  );

function startAgent(address: string, options: Partial<AgentOptions> = {}) {
  const io = memoryIo();
  const { run } = createFakeIpvsKernel();
  const done = agentCommand(
    {
      source: `${scratch.root}/shop`,
      serviceProxyName: 'toy',
      chainPrefix: prefix,
      cluster: [],
      against: [],
      leaseNamespace: '',
      lockDir,
      diagnostics: 'human',
      flags: { proxyMode: 'toy', healthzBindAddress: '', metricsBindAddress: address },
      ...options,
    },
    io,
    run,
    { ...thisHost(), ...here, cpus: 1 },
    stop.signal,
  );
  running.push(done);
  return { io, done };
}

const linesOf = (part: string) => kernel.tables.get(`IPv4 ${prefix}`)?.get(part);
const endpoints = () => linesOf(cart)?.map((line) => / (\S+) 8080$/.exec(line)?.[1]);

async function status(address: string) {
  const io = memoryIo();
  const code = await statusCommand({ address, output: 'text' }, io);
  return { code, text: `${io.written.out}${io.written.err}` };
}

it('follows a folder, sets drift right, holds back what is refused, and says so when it is asked', async () => {
  const address = ownAddressText();
  scratch.put('shop/cart.yaml', served('10.1.0.5'));
  const { done } = startAgent(address);
  await eventually(() => expect(endpoints()).toEqual(['10.1.0.5']));

  scratch.put('shop/cart.yaml', served('10.1.0.5', '10.1.0.6'));
  await eventually(() => expect(endpoints()).toEqual(['10.1.0.5', '10.1.0.6']));
  const well = await status(address);
  expect([well.code, well.text]).toEqual([0, expect.stringMatching(/^node east-1, toy, running for /)]);
  expect(well.text).toContain('shop/cart:http/TCP/IPv4  local 2');
  const configz: unknown = await (await fetch(`http://${address}/configz`)).json();
  expect(configz).toEqual({
    'kubeproxy.config.k8s.io': expect.objectContaining({
      kind: 'KubeProxyConfiguration',
      mode: 'toy',
      metricsBindAddress: address,
      iptables: expect.objectContaining({ masqueradeBit: 14, syncPeriod: '30s' }),
      conntrack: expect.objectContaining({ maxPerCore: 32_768 }),
    }),
  });

  kernel.tables.delete(`IPv4 ${prefix}`);
  await eventually(() => expect(endpoints()).toEqual(['10.1.0.5', '10.1.0.6']));
  await eventually(async () => expect((await status(address)).text).toContain('changed by others'));

  kernel.refuses = (part) => part === cart;
  scratch.put('shop/cart.yaml', served('10.1.0.7'));
  await eventually(async () => expect((await status(address)).text).toContain('held back: shop/cart:http'));
  expect(endpoints()).toEqual(['10.1.0.5', '10.1.0.6']);

  stop.abort();
  expect(await done).toBe(0);
  expect(endpoints()).toEqual(['10.1.0.5', '10.1.0.6']);
});

it('a dry run prints each plan and leaves the kernel alone', async () => {
  scratch.put('shop/cart.yaml', served('10.1.0.5'));
  const { io } = startAgent('127.0.0.1:0', { dryRun: true });
  await eventually(() => expect(io.written.out).toContain('IPv4, against the toy kernel: 1 Service with changes'));
  scratch.put('shop/cart.yaml', served('10.1.0.6'));
  await eventually(() => expect(io.written.out).toContain('against the last plan: 1 Service with changes'));
  expect(io.written.out).toContain('1 endpoint (+10.1.0.6:8080, -10.1.0.5:8080)');
  expect([kernel.taken, kernel.tables.size]).toEqual([0, 0]);
});

it('a dry run starts from a dump', async () => {
  scratch.put('shop/cart.yaml', served('10.1.0.5'));
  const dump = scratch.put('lines', '# toy IPv4\n# end\n');
  const { io } = startAgent('127.0.0.1:0', { dryRun: true, against: [dump] });
  await eventually(() => expect(io.written.out).toContain(`IPv4, against ${dump}: 1 Service with changes`));
});

it('a machine without its kernel ends the agent with the reason', async () => {
  kernel.isAbsent = true;
  const { io, done } = startAgent('127.0.0.1:0');
  expect(await done).toBe(1);
  expect(io.written.err).toContain('error: machine toy: this machine has no toy kernel');
});

it('--init-only and --cleanup know it', async () => {
  expect(await startAgent('127.0.0.1:0', { initOnly: true }).done).toBe(0);
  kernel.tables.set(`IPv4 ${prefix}`, new Map([['node', ['guard-loopback']]]));
  const { io, done } = startAgent('127.0.0.1:0', { cleanup: true });
  expect(await done).toBe(0);
  expect(io.written.out).toContain('IPv4: 1 line removed from the toy kernel');
  expect(kernel.tables.size).toBe(0);
});
