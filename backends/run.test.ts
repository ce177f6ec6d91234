import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { hostRun } from './run.ts';

const run = hostRun();

describe('running a command', () => {
  it('gives input, output and the exit status', async () => {
    expect(await run('cat', ['-'], 'a\nb')).toEqual({ exitCode: 0, stdout: 'a\nb', stderr: '' });
    expect(await run('sh', ['-c', 'echo no >&2; exit 3'])).toEqual({ exitCode: 3, stdout: '', stderr: 'no\n' });
  });

  it('passes arguments as they are, whatever a shell would make of them', async () => {
    const argument = `$(id) 'a' "b" \\ ; rm *`;
    expect((await run('printf', ['%s', argument])).stdout).toBe(argument);
  });

  it('gives a command nothing of our environment', async () => {
    process.env['SECRET'] = 'secret';
    const { stdout } = await run('env', []);
    delete process.env['SECRET'];
    expect(
      stdout
        .split('\n')
        .filter((line) => line !== '')
        .sort(),
    ).toEqual(['LC_ALL=C', 'PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin']);
  });

  it('says what is not installed', async () => {
    const result = await run('no-such-program', []);
    expect(result).toMatchObject({ exitCode: undefined, failure: 'not-found' });
    expect(result.stderr).toContain('no-such-program');
  });

  it('ends a command that takes too long', async () => {
    const impatient = hostRun({ timeoutMs: 100 });
    expect(await impatient('sleep', ['60'])).toMatchObject({ exitCode: undefined, failure: 'timeout' });
  });

  it('says that a command was killed', async () => {
    expect(await run('sh', ['-c', 'kill -KILL $$'])).toMatchObject({ exitCode: undefined, failure: 'killed' });
  });

  it('says that file descriptors ran out, and runs commands again when some are free', () => {
    const script = `
      import { closeSync, openSync } from 'node:fs';
      import { hostRun } from ${JSON.stringify(new URL('run.ts', import.meta.url).href)};
      const run = hostRun();
      const results = [await run('true', [])];
      const held = [];
      try { for (;;) held.push(openSync('/dev/null')); } catch {}
      for (let i = 0; i < 5; i++) results.push(await run('true', []));
      held.forEach(closeSync);
      results.push(await run('true', []));
      console.log(JSON.stringify(results));
    `;
    const args = ['-c', 'ulimit -n 40; exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', script];
    const results = JSON.parse(execFileSync('/bin/sh', args, { encoding: 'utf8', timeout: 300_000 }));
    const stderr = 'too many open files (EMFILE)';
    const refused = { stdout: '', stderr, failure: 'not-started' };
    const done = { exitCode: 0, stdout: '', stderr: '' };
    expect(results).toEqual([done, ...Array.from({ length: 5 }, () => refused), done]);
  });

  it('stops reading where output has no end', async () => {
    const short = hostRun({ maxOutput: 1000 });
    const { failure, stdout } = await short('yes', []);
    expect(failure).toBe('output-too-long');
    expect(stdout.length).toBe(1000);
  });

  it('goes on where a command does not read its input', async () => {
    expect(await run('false', [], 'x'.repeat(10_000_000))).toMatchObject({ exitCode: 1 });
  });

  it.each(['../bin/sh', '/bin/sh', 'a b', ''])('takes only the name of a program: %j', async (file) => {
    await expect(run(file, [])).rejects.toThrow('not the name of a program');
  });
});
