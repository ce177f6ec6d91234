import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { dump, loadAll } from 'js-yaml';

/** A manifest, with the fields that these tests look at. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly { readonly apiGroups: string[]; readonly resources: string[]; readonly verbs: string[] }[];
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

interface Patch {
  readonly target: { readonly kind: string; readonly name: string };
  readonly patch: string;
}

export interface Kustomization {
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly patches?: readonly Patch[];
  readonly configMapGenerator?: readonly {
    readonly name: string;
    readonly namespace: string;
    readonly files: readonly string[];
    readonly options: { readonly disableNameSuffixHash: true; readonly labels: Readonly<Record<string, string>> };
  }[];
}

interface Operation {
  readonly op: 'add' | 'replace';
  readonly path: string;
  readonly value: unknown;
}

/**
 * The output of `kubectl kustomize FOLDER`, as values: resources, components, generated ConfigMaps, and patches in JSON
 * form. `kubectl` is not installed everywhere. Only the features that slicewright's files use are implemented here;
 * `kubectl.test.ts` compares the result with kubectl.
 *
 * components   further ones, as a user's own kustomization would name them
 */
export function kustomize(folder: string, components: readonly string[] = []): Manifest[] {
  const manifests: Manifest[] = [];
  accumulate(manifests, folder);
  for (const component of components) accumulate(manifests, component);
  return manifests;
}

/** Runs a function on a user's own kustomization, in a folder that exists for that time. */
export function withKustomization<T>(
  { resources = [], components = [], ...rest }: Kustomization,
  use: (folder: string) => T,
): T {
  const root = mkdtempSync(join(tmpdir(), 'slicewright-kustomize-'));
  // Kustomize follows links in the name of its folder, and these paths would then lead elsewhere.
  const folder = join(root, 'own');
  mkdirSync(folder);
  const from = (path: string) => relative(folder, path);
  const own = { ...rest, resources: resources.map(from), components: components.map(from) };
  try {
    writeFileSync(join(folder, 'kustomization.yaml'), dump({ ...own, apiVersion: 'kustomize.config.k8s.io/v1beta1' }));
    return use(folder);
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** A component sees and changes all earlier manifests; a folder among resources changes only its own. */
function accumulate(manifests: Manifest[], folder: string): void {
  const own = load(join(folder, 'kustomization.yaml'))[0] as Kustomization;
  for (const path of own.resources ?? []) {
    const at = join(folder, path);
    manifests.push(...(existsSync(join(at, 'kustomization.yaml')) ? kustomize(at) : (load(at) as Manifest[])));
  }
  for (const { name, namespace, files, options } of own.configMapGenerator ?? []) {
    const data = files.map((file) => file.split('=') as [string, string]);
    manifests.push({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace, ...{ labels: options.labels } },
      data: Object.fromEntries(data.map(([key, path]) => [key, readFileSync(join(folder, path), 'utf8')])),
    });
  }
  for (const component of own.components ?? []) accumulate(manifests, join(folder, component));
  applyPatches(manifests, own);
}

function load(path: string): unknown[] {
  return loadAll(readFileSync(path, 'utf8'));
}

function applyPatches(manifests: readonly Manifest[], { patches = [] }: Kustomization): void {
  for (const { target, patch } of patches) {
    const found = manifests.filter(({ kind, metadata }) => kind === target.kind && metadata.name === target.name);
    if (found.length !== 1) throw new Error(`a patch has ${found.length} targets: ${JSON.stringify(target)}`);
    for (const operation of loadAll(patch)[0] as Operation[]) applyOperation(found[0], operation);
  }
}

/** source: RFC 6902 */
function applyOperation(document: unknown, { op, path, value }: Operation): void {
  const names = path
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = names.pop() ?? '';
  const holder = names.reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], document);
  if (typeof holder !== 'object' || holder === null) throw new Error(`${path} leads nowhere`);
  if (Array.isArray(holder) && last === '-') holder.push(value);
  else if (op === 'replace' && !(last in holder)) throw new Error(`${path} is not there to be replaced`);
  else (holder as Record<string, unknown>)[last] = value;
}

/** In an order without meaning, since neither kustomize nor helm keeps that of the files. */
export function sorted(manifests: readonly Manifest[]): Manifest[] {
  const keyOf = ({ apiVersion, kind, metadata }: Manifest) =>
    [apiVersion, kind, metadata.namespace ?? '', metadata.name].join('/');
  return manifests.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}
