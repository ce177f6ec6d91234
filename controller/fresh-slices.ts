import { readJson } from '../agent/sources/api-protocol.ts';
import { asFields } from '../compiler/model/fields.ts';
import type { Cluster } from './cluster.ts';
import { isCollectable } from './core/marks.ts';
import { observe } from './observe.ts';

const answerMs = 30_000;

/** Asks a source directly whether it has no slices that other clusters may get; undefined: it does not answer now. */
export async function hasNoSlices({ api, cache }: Cluster, signal: AbortSignal): Promise<boolean | undefined> {
  if (cache.access !== 'live') return undefined;
  // A folder is read all the time.
  if (!cache.takesWrites) return cache.collectableCount() === 0;
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
    const answer = await api.get('/apis/discovery.k8s.io/v1/endpointslices', limit);
    const body = asFields(await readJson(answer));
    if (answer.status !== 200 || !Array.isArray(body?.items)) return undefined;
    return !body.items.some((item) => {
      const slice = observe(item, 'discovery.k8s.io/v1', 'EndpointSlice');
      return slice !== undefined && isCollectable(slice);
    });
  } catch {
    return undefined;
  }
}
