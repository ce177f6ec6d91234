import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ApiDouble } from '../apiserver/double.ts';
import { endsWithUs, environment } from '../netns/processes.ts';

const program = fileURLToPath(new URL('../../agent/start.ts', import.meta.url));

/** `slicewright controller` as an operating system's process. */
export interface ControllerProcess {
  /** Its log so far. */
  said(): string;
  /** Kills it as an out-of-memory killer would: without any warning. */
  kill(): Promise<void>;
  /** Returns the exit status. */
  stop(): Promise<number | null>;
}

/** Kubeconfigs of doubles in a separate folder, and processes that use them. */
export interface Kubeconfigs {
  /** The path of a double's kubeconfig. */
  of(double: ApiDouble, name: string): string;
  at(url: string, name: string): string;
  start(args: readonly string[]): ControllerProcess;
  /** Kills the processes that still run. */
  close(): Promise<void>;
}

export function createKubeconfigs(): Kubeconfigs {
  const folder = mkdtempSync(join(tmpdir(), 'slicewright-controller-'));
  const running = new Set<ControllerProcess>();
  const at = (url: string, name: string): string => {
    const path = join(folder, `${name}.kubeconfig`);
    writeFileSync(path, kubeconfigText(url));
    return path;
  };
  return {
    of: ({ url }, name) => at(url, name),
    at,
    start(args) {
      const [file, ...before] = endsWithUs;
      const fixed = ['controller', '--listen-address', '127.0.0.1:0', '-v', '4'];
      const child = spawn(file, [...before, process.execPath, program, ...fixed, ...args], {
        env: environment,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
      const exited = once(child, 'exit').then(([code]) => code as number | null);
      const ended = (signal: NodeJS.Signals) => (): Promise<number | null> => {
        child.kill(signal);
        running.delete(one);
        return exited;
      };
      const one: ControllerProcess = {
        said: () => said,
        kill: async () => void (await ended('SIGKILL')()),
        stop: ended('SIGTERM'),
      };
      running.add(one);
      return one;
    },
    async close() {
      await Promise.all([...running].map((one) => one.kill()));
      rmSync(folder, { recursive: true });
    },
  };
}

export function kubeconfigText(server: string, token = 'secret'): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: { token } }],
  });
}
