// Global set-up of the test run: one emulated machine for all test files, booted when the first of
// them wants it. Test files run in processes of their own, so they reach it over a socket.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { type Emulated, startEmulator } from './emulator.ts';
import type { MachineRequest } from './protocol.ts';
import { answerOver, type Ask, askOver } from './rpc.ts';

declare module 'vitest' {
  interface ProvidedContext {
    machineSocket: string;
  }
}

interface Shared {
  readonly emulated: Emulated;
  readonly ask: Ask<MachineRequest>;
}

export default function setUp(project: TestProject): () => Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'slicewright-tests-'));
  const path = join(folder, 'machine');
  let machine: Promise<Shared> | undefined;
  const server = createServer((client) => serve(client, () => (machine ??= start()))).listen(path);
  project.provide('machineSocket', path);
  return async () => {
    server.close();
    // A machine that did not come up has been reported by the tests that wanted it.
    await machine?.then(({ emulated }) => emulated.stop()).catch(() => {});
    rmSync(folder, { recursive: true, force: true });
  };
}

async function start(): Promise<Shared> {
  const emulated = await startEmulator();
  return { emulated, ask: askOver<MachineRequest>(emulated.channel, emulated.channel) };
}

/** A test file that ends, however it ends, takes its networks with it. */
function serve(client: Socket, machine: () => Promise<Shared>): void {
  const networks = new Set<number>();
  answerOver(client, client, async (request: MachineRequest) => {
    const { ask } = await machine();
    const value = await ask(request);
    if (request.kind === 'boot') networks.add(value as number);
    if (request.kind === 'close') networks.delete(request.network);
    return value;
  });
  client.on('error', () => {}); // always followed by its close
  client.on('close', () => {
    for (const network of networks) void machine().then(({ ask }) => ask({ kind: 'close', network }).catch(() => {}));
  });
}
