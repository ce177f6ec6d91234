import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { load, loadAll } from 'js-yaml';
import { parseConfiguration } from '../../agent/config/config.ts';
import { parseRegistry } from '../../agent/input/registry.ts';
import { byName } from '../../backends/index.ts';
import type { Compilation } from '../../compiler/compile.ts';
import { compile } from '../../compiler/index.ts';
import type { Registry } from '../../compiler/registry/registry.ts';
import { formatMismatch } from '../../compiler/semantics/verify.ts';
import { families } from '../../compiler/values/address.ts';
import { formatDiagnostic } from '../../compiler/values/diagnostic.ts';

const root = fileURLToPath(new URL('.', import.meta.url));

/** Names of all cases, sorted. */
export const caseNames: readonly string[] = readdirSync(`${root}cases`).sort();

export const backendNames = ['iptables', 'ipvs', 'nftables'] as const;
type BackendName = (typeof backendNames)[number];

/**
 * A situation from real use: objects, the node, and the known facts about clusters. All cases share one configuration.
 */
export interface FieldCase {
  /** Without the Node that is compiled for. */
  readonly objects: readonly unknown[];
  readonly node: unknown;
  readonly registry: Registry | undefined;
  /** Keys of a KubeProxyConfiguration that replace those of `config.yaml`. */
  readonly configuration: Readonly<Record<string, unknown>>;
}

export function readCase(name: string, objectsFile = 'objects.yaml'): FieldCase {
  const path = (file: string) => `${root}cases/${name}/${file}`;
  const read = (file: string) => readFileSync(path(file), 'utf8');
  return {
    objects: loadAll(read(objectsFile)),
    node: load(read('node.yaml')),
    registry: existsSync(path('registry.yaml'))
      ? parseRegistry(load(read('registry.yaml')), 'registry.yaml')
      : undefined,
    configuration: {},
  };
}

export function compileCase({ objects, node, registry, configuration }: FieldCase, backend: BackendName): Compilation {
  const document = { ...(load(readFileSync(`${root}config.yaml`, 'utf8')) as object), ...configuration };
  const { settings, nodeName } = parseConfiguration(document, 'config.yaml', { compat: 'none', backend });
  return compile({
    clusters: [{ cluster: undefined, objects: [...objects, node] }],
    settings,
    nodeName,
    localAddresses: undefined,
    ...(registry === undefined ? {} : { registry }),
  });
}

/** The packets that a backend's program treats wrongly, in words; empty for a correct program. */
export async function mismatches({ services, node }: Compilation, backend: BackendName): Promise<readonly string[]> {
  const witness = await (await byName(backend)).witness();
  return families.flatMap((family) =>
    witness.verify({ services: services[family], node: node[family] }).map(formatMismatch),
  );
}

/** The reports about a case, from the compiler and from the backend: for each a code, the object, and the message. */
export async function reportsOf(fieldCase: FieldCase, backend: BackendName): Promise<readonly string[]> {
  const compilation = compileCase(fieldCase, backend);
  const { make } = await byName(backend);
  const printed = families.flatMap(
    (family) => make({ services: compilation.services[family], node: compilation.node[family] }).diagnostics,
  );
  return [...compilation.diagnostics, ...printed].map(
    (diagnostic) => `${diagnostic.code}: ${formatDiagnostic(diagnostic)}`,
  );
}

/**
 * The same situation over IPv6: every address of the cases' ranges is replaced by its IPv6 counterpart. The node
 * has addresses and ranges of both families anyway.
 */
export function inIPv6(fieldCase: FieldCase): FieldCase {
  const text = JSON.stringify(fieldCase.objects)
    .replace(/10\.50\.(\d+)\.(\d+)/g, 'fd50:$1::$2')
    .replace(/10\.60\.(\d+)\.(\d+)/g, 'fd60::$1:$2')
    .replace(/10\.([89]0)\.(\d+)\.(\d+)/g, 'fd$1::$2:$3')
    .replace(/192\.168\.70\.(\d+)/g, 'fd70::$1')
    .replace(/(?:203\.0\.113|192\.0\.2)\.(\d+)/g, '2001:db8::$1')
    .replaceAll('"IPv4"', '"IPv6"');
  return { ...fieldCase, objects: JSON.parse(text) };
}
