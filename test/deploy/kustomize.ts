import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadAll } from 'js-yaml';

/** A manifest, as far as these tests look at it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly { readonly apiGroups: string[]; readonly resources: string[]; readonly verbs: string[] }[];
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

interface Kustomization {
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly patches?: readonly {
    readonly target: { readonly kind: string; readonly name: string };
    readonly patch: string;
  }[];
}

interface Operation {
  readonly op: 'add' | 'replace';
  readonly path: string;
  readonly value: unknown;
}

/**
 * What `kubectl kustomize FOLDER` prints, as values: resources, components, and patches in JSON form.
 * `kubectl` is not everywhere; what our files do not use is not here.
 *
 * components   further ones, as a kustomization of a user's own would name them
 */
export function kustomize(folder: string, components: readonly string[] = []): Manifest[] {
  const own = load(join(folder, 'kustomization.yaml'))[0] as Kustomization;
  const manifests = (own.resources ?? []).flatMap((path) => {
    const at = join(folder, path);
    return existsSync(join(at, 'kustomization.yaml')) ? kustomize(at) : (load(at) as Manifest[]);
  });
  applyPatches(manifests, own);
  for (const path of [...(own.components ?? []).map((name) => join(folder, name)), ...components]) {
    const file = join(path, 'kustomization.yaml');
    const component = load(file)[0] as Kustomization;
    manifests.push(...(component.resources ?? []).flatMap((name) => load(join(dirname(file), name)) as Manifest[]));
    applyPatches(manifests, component);
  }
  return manifests;
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
  const names = path.split('/').slice(1);
  const last = names.pop() ?? '';
  const holder = names.reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], document);
  if (typeof holder !== 'object' || holder === null) throw new Error(`${path} leads nowhere`);
  if (Array.isArray(holder) && last === '-') holder.push(value);
  else if (op === 'replace' && !(last in holder)) throw new Error(`${path} is not there to be replaced`);
  else (holder as Record<string, unknown>)[last] = value;
}
