import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asFields, textOf } from '../../compiler/model/fields.ts';
import type { ApiAnswer, ApiCall, ApiGet, ApiWrite } from '../../agent/sources/api.ts';
import { readJson } from '../../agent/sources/api-protocol.ts';
import { openCluster } from '../../agent/sources/kubeconfig.ts';

/** An open connection to an API server, according to a kubeconfig. */
export interface Opened {
  readonly server: string;
  readonly get: ApiGet;
  readonly write: ApiWrite;
  readonly close: () => void;
  /** Its kubeconfig switches off verification of its certificate. */
  readonly isUnverified: boolean;
}

/** A connection whose credentials, and whose server, may change while it is used. */
export interface Connection {
  readonly from: string;
  readonly get: ApiGet;
  readonly write: ApiWrite;
  /** Sends later requests there, once it is known to lead to the same cluster. Requests in progress are ended. */
  change(next: Opened): void;
  close(): void;
}

/** isItself: whether this is the uid of the cluster's namespace `kube-system`. */
export function createConnection(first: Opened, isItself: (uid: string) => boolean): Connection {
  let current = first;
  /** Settled if the present connection is known to lead to the cluster; undefined: it has to be asked. */
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

  /** A failure is reported to its caller only, and the next call asks again. */
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

/** Opens a connection from the text of a kubeconfig. throws   InputError */
export async function openText(text: string, onCall: (call: ApiCall) => void): Promise<Opened> {
  const folder = mkdtempSync(join(tmpdir(), 'slicewright-'));
  try {
    const kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, text, { mode: 0o600 });
    return await openCluster({ kubeconfig, context: undefined }, onCall);
  } finally {
    // It was read, and holds credentials, so it is removed.
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Replaces a connection that cannot be opened: the cluster exists, but cannot be reached. */
export function unusable(from: string, problem: string): Opened {
  const fail = (): Promise<never> => Promise.reject(new Error(problem));
  return { server: from, get: fail, write: fail, close() {}, isUnverified: false };
}
