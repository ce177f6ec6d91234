import type { Compilation } from '../../compiler/compile.ts';
import { compile } from '../../compiler/index.ts';
import { type ServicePortIR, endpointText } from '../../compiler/ir/ir.ts';
import { emptyRegistry, type RegisteredCluster, type Registry } from '../../compiler/registry/registry.ts';
import { defaultSettings, type Settings } from '../../compiler/settings.ts';
import { formatDiagnostic } from '../../compiler/values/diagnostic.ts';
import type { ClusterName } from '../../compiler/values/names.ts';

export interface CompileOptions {
  readonly settings?: Partial<Settings>;
  readonly nodeName?: string;
  readonly registry?: Registry;
  readonly clusters?: Readonly<Record<string, readonly unknown[]>>;
}

/** Compiles the local cluster's objects, for node `n1` unless said otherwise. */
export function compileObjects(objects: readonly unknown[], options: CompileOptions = {}): Compilation {
  return compile({
    clusters: [
      { cluster: undefined, objects },
      ...Object.entries(options.clusters ?? {}).map(([name, own]) => ({ cluster: name as ClusterName, objects: own })),
    ],
    settings: { ...defaultSettings, ...options.settings },
    ...(options.registry && { registry: options.registry }),
    nodeName: options.nodeName ?? 'n1',
    localAddresses: undefined,
  });
}

/** A registry of clusters, with only those fields that matter to the test. */
export function registryOf(
  clusters: Readonly<Record<string, Partial<RegisteredCluster>>>,
  rest: Partial<Registry> = {},
): Registry {
  const plain = {
    aliases: [],
    self: false,
    podCidrs: [],
    serviceCidrs: [],
    nodeCidrs: [],
    zones: new Map(),
    region: undefined,
    mayServe: [],
  };
  const usual = { tier: 0, weight: 100, drain: false, removed: false, state: 'Unknown', onLost: undefined } as const;
  const entries = Object.entries(clusters).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    ...emptyRegistry,
    ...rest,
    clusters: entries.map(([id, some]) => ({ ...plain, ...usual, id: id as ClusterName, ...some })),
  };
}

export const kubeProxy: CompileOptions = { settings: { compat: 'kube-proxy' } };

/** The only Service port of the family. */
export function onlyPort(compilation: Compilation, family: 'IPv4' | 'IPv6' = 'IPv4'): ServicePortIR {
  const [port, ...others] = compilation.services[family];
  if (port === undefined || others.length > 0) throw new Error(`${others.length + Number(port !== undefined)} ports`);
  return port;
}

/** `10.1.0.1:80`, with `*3` where the weight is not 1, `!` on this node, `@east` from cluster east. */
export function poolTexts(pool: ServicePortIR['pools']['cluster']): string[] {
  return pool.map(
    (endpoint) =>
      endpointText(endpoint) +
      (endpoint.weight === 1 ? '' : `*${endpoint.weight}`) +
      (endpoint.local ? '!' : '') +
      (endpoint.cluster === undefined ? '' : `@${endpoint.cluster}`),
  );
}

/** Diagnostics without the note about the node, for which these tests give no object. */
export function diagnosticTexts(compilation: Compilation): string[] {
  return compilation.diagnostics
    .filter(({ code }) => code !== 'node-missing' && code !== 'own-cluster-unknown')
    .map(formatDiagnostic);
}
