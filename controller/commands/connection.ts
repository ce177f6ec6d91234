import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asFields, textOf } from '../../compiler/model/fields.ts';
import type { ApiAnswer, ApiCall, ApiGet, ApiWrite } from '../../agent/sources/api.ts';
import { readJson } from '../../agent/sources/api-protocol.ts';
import { openCluster } from '../../agent/sources/kubeconfig.ts';

/** A connection to an API server, as a kubeconfig says. */
export interface Opened {
  readonly server: string;
  readonly get: ApiGet;
  readonly write: ApiWrite;
  readonly close: () => void;
  /** Its certificate is not checked, as its kubeconfig says. */
  readonly isUnverified: boolean;
}

/** A connection whose credentials, and whose server, may change while it is used. */
export interface Connection {
  readonly from: string;
  readonly get: ApiGet;
  readonly write: ApiWrite;
  /** From now on requests go there, once it is known to lead to the same cluster. What is under way ends. */
  change(next: Opened): void;
  close(): void;
}

/** isItself: whether an API server whose namespace `kube-system` has this uid is the cluster's. */
export function createConnection(first: Opened, isItself: (uid: string) => boolean): Connection {
  let current = first;
  /** Settled once the present one is known to be the cluster's; undefined: it has to be asked. */
  let known: Promise<void> | undefined = Promise.resolve();

  async function ask({ get }: Opened, signal: AbortSignal): Promise<void> {
    const answer = await get('/api/v1/namespaces/kube-system', signal);
    const body = asFields(await readJson(answer));
    const uid = textOf(asFields(body?.metadata) ?? {}, 'uid');
    if (answer.status !== 200 || uid === undefined) {
      throw new Error(`it does not identify itself: namespace kube-system was answered ${answer.status}`);
    }
    if (!isItself(uid)) throw new Error('a different cluster answers under its name');
  }

  /** Each failure is the caller's own, and the next one asks again. */
  async function through(act: (opened: Opened) => Promise<ApiAnswer>, signal: AbortSignal): Promise<ApiAnswer> {
    const opened = current;
    if (known === undefined) {
      await ask(opened, signal);
      if (opened === current) known = Promise.resolve();
    }
    return act(opened);
  }

  return {
    get from() {
      return current.server;
    },
    get: (path, signal) => through(({ get }) => get(path, signal), signal),
    write: (method, path, body, signal, type) =>
      through(({ write }) => write(method, path, body, signal, type), signal),
    change(next) {
      const before = current;
      current = next;
      known = undefined;
      before.close();
    },
    close: () => current.close(),
  };
}

/** Opens what the text of a kubeconfig says. throws   InputError */
export async function openText(text: string, onCall: (call: ApiCall) => void): Promise<Opened> {
  const folder = mkdtempSync(join(tmpdir(), 'slicewright-'));
  try {
    const kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, text, { mode: 0o600 });
    return await openCluster({ kubeconfig, context: undefined }, onCall);
  } finally {
    // It was read; nobody needs to find it there.
    rmSync(folder, { recursive: true, force: true });
  }
}

/** In place of a connection that cannot be opened: the cluster is there, and cannot be reached. */
export function unusable(from: string, problem: string): Opened {
  const fail = (): Promise<never> => Promise.reject(new Error(problem));
  return { server: from, get: fail, write: fail, close() {}, isUnverified: false };
}
