import { asFields, textOf } from '../compiler/model/fields.ts';
import type { ApiGet } from '../agent/sources/api.ts';
import { readJson } from '../agent/sources/api-protocol.ts';
import { type Kind, kinds, kindText } from './core/kinds.ts';

/** How one API server serves a kind. */
export interface ServedKind {
  readonly apiVersion: string;
  readonly plural: string;
  readonly isNamespaced: boolean;
}

const built = (apiVersion: string, plural: string, isNamespaced = true): ServedKind => ({
  apiVersion,
  plural,
  isNamespaced,
});

/** Kinds with the same version everywhere. The MCS API's kinds have two versions, so servers are asked for them. */
const known: ReadonlyMap<string, ServedKind> = new Map([
  [kindText(kinds.service), built('v1', 'services')],
  [kindText(kinds.namespace), built('v1', 'namespaces', false)],
  [kindText(kinds.slice), built('discovery.k8s.io/v1', 'endpointslices')],
  [kindText(kinds.multiClusterService), built('networking.karmada.io/v1alpha1', 'multiclusterservices')],
  [kindText(kinds.policy), built('policy.karmada.io/v1alpha1', 'propagationpolicies')],
  [kindText(kinds.clusterPolicy), built('policy.karmada.io/v1alpha1', 'clusterpropagationpolicies', false)],
]);

const mcsVersions = ['v1beta1', 'v1alpha1'] as const;
const mcsPlurals: ReadonlyMap<string, string> = new Map([
  [kindText(kinds.serviceExport), 'serviceexports'],
  [kindText(kinds.serviceImport), 'serviceimports'],
]);

/** Asks an API server for the versions of kinds, and remembers the answers. */
export interface ServedKinds {
  /**
   * undefined: the kind is not served.
   *
   * version   the version to look it up in; absent: the one that the server prefers
   * throws    the connection's error, or Error for an invalid answer
   */
  find(kind: Kind, version: string | undefined, signal: AbortSignal): Promise<ServedKind | undefined>;
  /** Asks again: later calls use the new answer. Throws as `find`; then nothing changed. */
  refresh(kind: Kind, signal: AbortSignal): Promise<ServedKind | undefined>;
}

export function createServedKinds(get: ApiGet): ServedKinds {
  const found = new Map<string, ServedKind>();

  async function read(path: string, signal: AbortSignal): Promise<unknown> {
    const answer = await get(path, signal);
    const body = await readJson(answer);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw new Error(`${path} was answered ${answer.status}`);
    return body;
  }

  async function lookUp(kind: Kind, version: string | undefined, signal: AbortSignal): Promise<ServedKind | undefined> {
    const versions = version === undefined ? await versionsOf(kind.group, signal) : [version];
    for (const each of versions) {
      const apiVersion = kind.group === '' ? each : `${kind.group}/${each}`;
      const body = asFields(await read(kind.group === '' ? `/api/${each}` : `/apis/${apiVersion}`, signal));
      const resources = Array.isArray(body?.resources) ? body.resources.map(asFields) : [];
      const resource = resources.find((one) => one?.kind === kind.kind && !String(one.name).includes('/'));
      const plural = resource && textOf(resource, 'name');
      // Validated because it becomes a part of paths.
      if (plural !== undefined && /^[a-z0-9]+$/.test(plural)) {
        return { apiVersion, plural, isNamespaced: resource?.namespaced === true };
      }
    }
    return undefined;
  }

  async function versionsOf(group: string, signal: AbortSignal): Promise<readonly string[]> {
    if (group === '') return ['v1'];
    const body = asFields(await read(`/apis/${group}`, signal));
    const listed = Array.isArray(body?.versions) ? body.versions.map((each) => asFields(each)?.version) : [];
    const preferred = asFields(body?.preferredVersion)?.version;
    return [preferred, ...listed].filter((each) => typeof each === 'string');
  }

  return {
    async find(kind, version, signal) {
      const text = kindText(kind);
      return known.get(text) ?? found.get(text) ?? (await ask(kind, version, signal));
    },
    refresh(kind, signal) {
      const plain = known.get(kindText(kind));
      return ask(kind, plain && plain.apiVersion.slice(plain.apiVersion.indexOf('/') + 1), signal);
    },
  };

  async function ask(kind: Kind, version: string | undefined, signal: AbortSignal): Promise<ServedKind | undefined> {
    const text = kindText(kind);
    const plural = mcsPlurals.get(text);
    const served = plural === undefined ? await lookUp(kind, version, signal) : await mcsKind(plural, signal);
    if (served === undefined) found.delete(text);
    else found.set(text, served);
    return served;
  }

  /** v1beta1 if it is served, otherwise v1alpha1, which every release of the API serves. */
  async function mcsKind(plural: string, signal: AbortSignal): Promise<ServedKind | undefined> {
    const versions = await versionsOf('multicluster.x-k8s.io', signal);
    const version = mcsVersions.find((each) => versions.includes(each));
    return version && built(`multicluster.x-k8s.io/${version}`, plural);
  }
}

/** The path of a kind's collection, in a namespace or in all. */
export function collectionPath({ apiVersion, plural, isNamespaced }: ServedKind, namespace?: string): string {
  const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const within = isNamespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${base}${within}/${plural}`;
}
