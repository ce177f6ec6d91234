import { spawn } from 'node:child_process';
import type { CommandResult, Run } from '../../backends/command.ts';

const codeCache = process.env['NODE_COMPILE_CACHE'];

/**
 * The environment of processes that tests start. The administrator's programs are in sbin, which an ordinary user's
 * PATH lacks. Node's programs share one compile cache where the variable for it is set.
 */
export const environment = {
  PATH: '/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin',
  LC_ALL: 'C',
  ...(codeCache !== undefined && { NODE_COMPILE_CACHE: codeCache }),
};

/** Starts a command that the kernel ends when the process that started it ends, however it ends. */
export const endsWithUs = ['setpriv', '--pdeathsig', 'KILL', '--'] as const;

/** Runs a command to its end, killed after `limitMs`. Never used for anything that changes the machine itself. */
export function runWithin(limitMs: number, env: NodeJS.ProcessEnv = environment, cwd = '/'): Run {
  return (file, args, input) =>
    new Promise((resolve) => {
      const child = spawn(file, args, { cwd, env, stdio: 'pipe', timeout: limitMs, killSignal: 'SIGKILL' });
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      // A command may exit without reading all of its input: that is not an error.
      child.stdin.on('error', () => {});
      child.on('error', (error: NodeJS.ErrnoException) => {
        const failure = error.code === 'EACCES' || error.code === 'EPERM' ? 'no-permission' : 'not-found';
        resolve({ exitCode: undefined, stdout, stderr: error.message, failure });
      });
      child.on('close', (code, signal) => resolve(resultOf(code, signal, stdout, stderr)));
      child.stdin.end(input);
    });
}

function resultOf(code: number | null, signal: string | null, stdout: string, stderr: string): CommandResult {
  if (code !== null) return { exitCode: code, stdout, stderr };
  return { exitCode: undefined, stdout, stderr, failure: signal === 'SIGKILL' ? 'timeout' : 'killed' };
}

/** The same Run, started through another command: `nsenter … -- file args`. */
export function through(run: Run, wrapper: readonly [string, ...string[]]): Run {
  const [outer, ...prefix] = wrapper;
  return async (file, args, input) => {
    const result = await run(outer, [...prefix, file, ...args], input);
    // nsenter reports a missing program as 126 or 127, with a line of its own.
    if (
      (result.exitCode === 127 || result.exitCode === 126) &&
      result.stderr.startsWith(`${outer}: failed to execute`)
    ) {
      return { ...result, exitCode: undefined, failure: result.exitCode === 127 ? 'not-found' : 'no-permission' };
    }
    return result;
  };
}
