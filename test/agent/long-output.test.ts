import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';

const { lacks } = await probeSupport();
const runner = fileURLToPath(new URL('../../backends/run.ts', import.meta.url));

/** 40,000,000 bytes, 16 on each line. */
const long = { file: 'seq', args: ['-f', '%015.0f', '1', '2500000'] };

/** Runs the program in a mount namespace where /dev/shm has this size; returns what the script prints. */
function inShm(size: string, script: string): unknown {
  const mounted = `mount -t tmpfs -o size=${size} none /dev/shm && exec "$@"`;
  const node = [process.execPath, '--input-type=module', '-e', script];
  const args = ['-m', '--propagation', 'private', 'sh', '-c', mounted, 'sh', ...node];
  const user = process.getuid?.() === 0 ? [] : ['-Ur'];
  return JSON.parse(execFileSync('unshare', [...user, ...args], { encoding: 'utf8', timeout: 600_000 }));
}

const asks = (after: string) => `
  import { readdirSync, readlinkSync } from 'node:fs';
  import { hostRun } from ${JSON.stringify(runner)};
  const { exitCode, stdout, failure } = await hostRun()('${long.file}', ${JSON.stringify(long.args)});
  const end = stdout.slice(-16);
  ${after}
`;

describeIn('program of its own', lacks.namespaces, 'the output of a command that lists much', () => {
  const whole = { exitCode: 0, length: 40_000_000, end: '000000002500000\n' };
  const printed = 'console.log(JSON.stringify({ exitCode, length: stdout.length, end, failure }));';

  it.each([
    ['has much room', '256m'],
    ['would be full before the end', '33m'],
    ['has no room to speak of', '1m'],
  ])('is complete where /dev/shm %s', (_, size) => {
    expect(inShm(size, asks(printed))).toEqual(whole);
  });

  it('goes to a file without a name, which is closed afterwards', () => {
    const script = asks(`
      const during = await hostRun()('ls', ['-l', '/proc/self/fd/1', '/dev/shm']);
      const open = readdirSync('/proc/self/fd').map((fd) => { try { return readlinkSync('/proc/self/fd/' + fd); } catch { return ''; } });
      console.log(JSON.stringify({ during: during.stdout, open: open.filter((path) => path.startsWith('/dev/shm')) }));
    `);
    const { during, open } = inShm('256m', script) as { during: string; open: string[] };
    expect(during).toMatch(/\/proc\/self\/fd\/1 -> \/dev\/shm\/#\d+ \(deleted\)/);
    expect(during).toMatch(/\/dev\/shm:\ntotal 0\n$/);
    expect(open).toEqual([]);
  });
});
