import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';

/** A process that runs a command which says "started", waits for a line, and says "done". */
function startRunner(prepare: string) {
  const folder = mkdtempSync(join(tmpdir(), 'child-'));
  const [said, told] = [join(folder, 'said'), join(folder, 'told')];
  execFileSync('mkfifo', [said, told]);
  const command = `exec 9>${said}; echo started >&9; read line <${told}; echo done >&9`;
  const script = `
    import { hostRun } from ${JSON.stringify(new URL('run.ts', import.meta.url).href)};
    ${prepare}
    await hostRun()('sh', ['-c', ${JSON.stringify(command)}]);`;
  const runner = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  // It ends when the last that may write there is gone.
  const reader = spawn('cat', [said], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface(reader.stdout)[Symbol.asyncIterator]();
  return {
    ...{ runner, ended: once(runner, 'exit') },
    next: async () => (await lines.next()).value,
    tell: () => writeFileSync(told, 'on\n'),
    [Symbol.dispose]() {
      for (const one of [runner, reader]) one.kill('SIGKILL');
      rmSync(folder, { recursive: true });
    },
  };
}

describe('a command', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('ends with the process that runs it, by %s', async (signal) => {
    using it = startRunner('');
    expect(await it.next()).toBe('started');
    it.runner.kill(signal);
    expect(await it.ended).toEqual([null, signal]);
    expect(await it.next()).toBeUndefined();
  });

  it('ends with a process that ends itself', async () => {
    using it = startRunner("process.on('SIGUSR2', () => process.exit(7));");
    expect(await it.next()).toBe('started');
    it.runner.kill('SIGUSR2');
    expect(await it.ended).toEqual([7, null]);
    expect(await it.next()).toBeUndefined();
  });

  it('goes on where the process listens to the signal', async () => {
    using it = startRunner("process.on('SIGTERM', () => {});");
    expect(await it.next()).toBe('started');
    it.runner.kill('SIGTERM');
    it.tell();
    expect(await it.next()).toBe('done');
    expect(await it.ended).toEqual([0, null]);
  });
});
