// Global set-up of the test run: all test files share one machine, booted when the first of them needs it.
// Test files run in separate processes, so they reach it over a socket.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { type Machine, startIpvsMachine } from './machine.ts';
import { serveNetworks } from './server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    machineSocket: string;
  }
}

export default function setUp(project: TestProject): () => Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'slicewright-tests-'));
  const path = join(folder, 'machine');
  let machine: Promise<Machine> | undefined;
  const server = createServer((client) => {
    serveNetworks(client, client, async (topology) => {
      machine ??= startIpvsMachine();
      return (await machine).boot(topology);
    });
  }).listen(path);
  project.provide('machineSocket', path);
  return async () => {
    server.close();
    // The tests that wanted the machine have reported that it did not boot.
    await machine?.then(({ close }) => close()).catch(() => {});
    rmSync(folder, { recursive: true, force: true });
  };
}
