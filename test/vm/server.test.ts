import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import type { Network } from '../netns/network.ts';
import { bootOver } from './client.ts';
import type { MachineRequest } from './protocol.ts';
import { type Ask, askOver } from './rpc.ts';
import { serveNetworks } from './server.ts';

/** Networks whose commands only say where they ran. */
async function machine() {
  const open = new Set<string>();
  const booted: string[] = [];
  const slow = Promise.withResolvers<void>();
  const boot = async (topology: { hosts: readonly { name: string }[] }): Promise<Network> => {
    const name = topology.hosts[0]?.name ?? '';
    if (name === 'broken') throw new Error('no such cable');
    if (name === 'slow') await slow.promise;
    booted.push(name);
    open.add(name);
    const close = async (): Promise<void> => void open.delete(name);
    return {
      run: (host, limitMs) => async (file, args, input) => ({
        exitCode: 0,
        stdout: `${name} ${host} ${file} ${args.join(' ')}${limitMs === undefined ? '' : ` within ${limitMs} ms`}`,
        stderr: input ?? '',
      }),
      station: () => Promise.reject(new Error('nobody there')),
      close,
      [Symbol.asyncDispose]: close,
    };
  };
  const folder = mkdtempSync(join(tmpdir(), 'slicewright-channel-'));
  const server = createServer((socket) => serveNetworks(socket, socket, boot)).listen(join(folder, 'socket'));
  const client = connect(join(folder, 'socket'));
  await once(client, 'connect');
  onTestFinished(() => {
    client.destroy();
    server.close();
    rmSync(folder, { recursive: true });
  });
  const ask: Ask<MachineRequest> = askOver(client, client);
  return { open, booted, slow, client, ask };
}

const network = (name: string) => ({ hosts: [{ name, role: 'endpoint' as const }], wires: [] });

test('a network at the other end of a channel is used as one on this side', async () => {
  const { open, ask } = await machine();
  const [a, b] = await Promise.all([bootOver(ask, network('a')), bootOver(ask, network('b'))]);
  const [first, second] = await Promise.all([b.run('b')('ip', ['link'], 'line\nline'), a.run('a', 7_000)('ls', [])]);
  expect(first).toEqual({ exitCode: 0, stdout: 'b b ip link', stderr: 'line\nline' });
  expect(second.stdout).toBe('a a ls  within 7000 ms');
  await a.close();
  expect([...open]).toEqual(['b']);
  await expect(a.run('a')('ls', [])).rejects.toThrow('network 1 was closed');
});

test('what goes wrong at the other end is told in its words', async () => {
  const { ask } = await machine();
  await expect(bootOver(ask, network('broken'))).rejects.toThrow('no such cable');
  const fine = await bootOver(ask, network('fine'));
  const station = await fine.station('fine');
  await expect(station.ask({ transport: 'tcp', address: '10.0.0.1', port: 80 })).rejects.toThrow('nobody there');
});

test('a channel that ends takes its networks along, also one that is still booting', async () => {
  const { open, booted, slow, client, ask } = await machine();
  const ready = await bootOver(ask, network('ready'));
  const waiting = ask({ kind: 'boot', topology: network('slow') });
  client.destroy();
  await expect(waiting).rejects.toThrow('gone');
  await expect(ready.run('ready')('ls', [])).rejects.toThrow('gone');
  await eventually(() => expect(open.size).toBe(0));
  slow.resolve();
  await eventually(() => expect([...booted, open.size]).toEqual(['ready', 'slow', 0]));
});
