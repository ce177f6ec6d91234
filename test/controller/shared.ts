import type { ApiDouble } from '../apiserver/double.ts';
import { type Live, objectsIn, startLive } from './live.ts';
import { multiClusterService, nativeSlice, webService } from './stories.ts';

/** One Service that all members share, with short names for the faults of a server. */

interface Conditioned {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message: string }[];
  };
}

/** `True: message` of a condition of the first object of a kind. */
export function condition(double: ApiDouble, kind: string, type: string): string {
  const [object] = objectsIn(double, kind) as readonly Conditioned[];
  const found = object?.status?.conditions?.find((each) => each.type === type);
  return `${found?.status}: ${found?.message}`;
}

/** A hub with a MultiClusterService that all members share, and a pod in m1. */
export async function startShared(members: readonly string[] = ['m1', 'm2', 'm3']): Promise<Live> {
  const live = await startLive(['hub', ...members]);
  live.at('hub').apply(webService('serve'));
  live.at('hub').apply(multiClusterService('serve', [], []));
  live.at('m1').apply(nativeSlice('serve', 'm1', ['10.10.0.1']));
  return live;
}

/** The copies that each other member then has. */
export const served = { 'm1 serve': ['10.10.0.1'] };

/** Makes a double answer nothing, as a stopped server does. */
export function stop(double: ApiDouble): void {
  double.faults = { beforeAnswer: (_url, response) => void response.destroy() };
  double.cutStreams();
}

/** Makes a double state the id of another cluster. */
export function answerAs(double: ApiDouble, uid: string): void {
  double.faults = {
    beforeAnswer: (url, response) => {
      if (!url.pathname.endsWith('/namespaces/kube-system')) return;
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ metadata: { name: 'kube-system', uid } }));
    },
  };
}

/** Writes to Leases and Events do not count. */
export function isWrite(method: string | undefined, url: URL): boolean {
  return method !== 'GET' && !/\/(leases|events)\b/.test(url.pathname);
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
