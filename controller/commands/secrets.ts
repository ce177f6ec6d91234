import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { asFields, parseTextMap, type TextMap } from '../../compiler/model/fields.ts';
import { type ClusterName, compareText, parseClusterName } from '../../compiler/values/names.ts';
import { canonicalJson } from '../../compiler/values/canonical-json.ts';
import type { ApiGet } from '../../agent/sources/api.ts';
import { readJson } from '../../agent/sources/api-protocol.ts';
import { InputError } from '../../agent/input/input-error.ts';
import { isClusterId } from '../core/names.ts';

/** Label of Secrets that register a cluster; its value is the cluster's name. Their other labels are the cluster's. */
export const clusterLabel = 'slicewright.dev/cluster';

export interface RegisteredSecret {
  readonly name: ClusterName;
  readonly labels: TextMap;
  /** The text of a kubeconfig. */
  readonly kubeconfig: string;
}

/**
 * The clusters that Secrets of a namespace register.
 *
 * throws   InputError for one that cannot be used, and what the connection throws
 */
export async function readSecrets(
  get: ApiGet,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly RegisteredSecret[]> {
  const selector = encodeURIComponent(clusterLabel);
  const answer = await get(`/api/v1/namespaces/${namespace}/secrets?labelSelector=${selector}`, signal);
  const body = asFields(await readJson(answer));
  if (answer.status !== 200 || !Array.isArray(body?.items)) {
    throw secretProblem(`of namespace ${namespace}`, `cannot be read: the API server answered ${answer.status}`);
  }
  return body.items.map(parseSecret).sort((a, b) => compareText(a.name, b.name));
}

function parseSecret(item: unknown): RegisteredSecret {
  const { metadata, data } = asFields(item) ?? {};
  const labels = new Map(parseTextMap(asFields(metadata)?.labels));
  const id = labels.get(clusterLabel) ?? '';
  const name = parseClusterName(id);
  const what = String(asFields(metadata)?.name);
  if (name === undefined || !isClusterId(id))
    throw secretProblem(what, `its label ${clusterLabel} is not the name of a cluster`);
  const encoded = asFields(data)?.kubeconfig;
  if (typeof encoded !== 'string') throw secretProblem(what, 'has no key "kubeconfig"');
  labels.delete(clusterLabel);
  return { name, labels, kubeconfig: Buffer.from(encoded, 'base64').toString('utf8') };
}

/** One text for all that they say: another one means that something changed. */
export function digestOf(secrets: readonly RegisteredSecret[]): string {
  const said = secrets.map(({ name, labels, kubeconfig }) => [name, canonicalJson(labels), kubeconfig]);
  return createHash('sha256').update(JSON.stringify(said)).digest('hex');
}

/** A kubeconfig as a file that only this user reads. Returns its path. */
export function writeKubeconfig(secret: RegisteredSecret): string {
  const path = join(mkdtempSync(join(tmpdir(), 'slicewright-')), `${secret.name}.kubeconfig`);
  writeFileSync(path, secret.kubeconfig, { mode: 0o600 });
  return path;
}

/** what   its name, or whose it is */
export function secretProblem(what: string, message: string): InputError {
  return new InputError([{ severity: 'error', code: 'bad-secret', object: { kind: 'Secret', name: what }, message }]);
}
