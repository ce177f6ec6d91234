import { realpathSync, statSync } from 'node:fs';
import type { Registry } from '../../compiler/registry/registry.ts';
import { type Cidr, cidrFamily, cidrsOverlap, parseCidr } from '../../compiler/values/address.ts';
import { type ClusterName, parseClusterName } from '../../compiler/values/names.ts';
import type { ReadStdin } from '../../agent/input/files.ts';
import { UsageError } from '../../agent/input/input-error.ts';
import { isClusterId } from '../core/names.ts';
import type { ControllerSettings, ImportStyle } from '../core/world.ts';

/** Options for the controller's decisions, on the command line of every command that decides. */
export interface SettingOptions {
  readonly importStyle?: ImportStyle;
  readonly clustersetIpRange: readonly string[];
  /** The registry file that agents read too: clusterset IPs must not overlap with the ranges of its clusters. */
  readonly registry?: string;
  readonly clusterLabels: readonly string[];
  readonly createNamespaces?: boolean;
  readonly keepNodeNames?: boolean;
  readonly keepExternalIps?: boolean;
}

/** throws   UsageError for an invalid range, or one that overlaps with a registered cluster's (CC-14) */
export async function settingsOf(
  options: SettingOptions,
  hasHub: boolean,
  readStdin: ReadStdin,
): Promise<ControllerSettings> {
  const clusterSetIpRanges = options.clustersetIpRange.map(rangeOf);
  if (options.registry !== undefined) {
    const { readRegistryFile } = await import('../../agent/config/registry-watch.ts');
    refuseOverlaps(clusterSetIpRanges, (await readRegistryFile(options.registry, readStdin)).registry);
  }
  const families = clusterSetIpRanges.map(cidrFamily);
  if (new Set(families).size < families.length)
    throw problem('--clusterset-ip-range', 'is given twice for one family; give one range for each family');
  return {
    importStyle: options.importStyle ?? (hasHub ? 'karmada' : 'mcs'),
    clusterSetIpRanges,
    createNamespaces: options.createNamespaces === true,
    keepNodeNames: options.keepNodeNames === true,
    keepExternalIps: options.keepExternalIps === true,
  };
}

/** An import at an address of a cluster's range would take that cluster's own traffic. */
function refuseOverlaps(ranges: readonly Cidr[], { clusters }: Registry): void {
  for (const { id, podCidrs, serviceCidrs, nodeCidrs, removed } of clusters) {
    if (removed) continue;
    const of = { Pods: podCidrs, Services: serviceCidrs, nodes: nodeCidrs };
    for (const [whose, cidrs] of Object.entries(of)) {
      for (const range of ranges) {
        const other = cidrs.find((cidr) => cidrsOverlap(cidr, range));
        if (other !== undefined)
          throw problem(`--clusterset-ip-range ${range}`, `overlaps ${other}, a range of ${whose} of cluster ${id}`);
      }
    }
  }
}

function rangeOf(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw problem(`--clusterset-ip-range ${text}`, 'is not a network such as 10.250.0.0/16');
  return cidr;
}

/** `m1:region=eu,tier=gold`. throws   UsageError */
export function clusterLabelsOf(texts: readonly string[]): ReadonlyMap<string, ReadonlyMap<string, string>> {
  return new Map(
    texts.map((text) => {
      const [, name, rest = ''] = /^([^:=]+):(.+)$/.exec(text) ?? [];
      const pairs = rest.split(',').map((pair) => /^([^=]+)=([^=]*)$/.exec(pair));
      if (name === undefined || pairs.includes(null)) {
        throw problem(`--cluster-labels ${text}`, 'is not NAME:KEY=VALUE[,KEY=VALUE…]');
      }
      return [name, new Map(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? '']))];
    }),
  );
}

/** The word that means the service account of the controller's pod. */
const inCluster = 'in-cluster';

/** How to reach an API server: a kubeconfig with a context, or the pod's own service account. */
export interface Place {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
}

/** `KUBECONFIG[,CONTEXT]` or `in-cluster`. */
export function placeOf(text: string): Place {
  if (text === inCluster) return { kubeconfig: undefined, context: undefined };
  const comma = text.indexOf(',');
  if (comma < 0) return { kubeconfig: text, context: undefined };
  return { kubeconfig: text.slice(0, comma), context: text.slice(comma + 1) };
}

/** `NAME=UID`. throws   UsageError */
export function clusterUidsOf(texts: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    texts.map((text) => {
      const [, name, uid] = /^([^=]+)=([0-9A-Za-z-]{1,64})$/.exec(text) ?? [];
      if (name === undefined || uid === undefined) throw problem(`--cluster-uid ${text}`, 'is not NAME=UID');
      return [name, uid];
    }),
  );
}

/** The real path of the folder that a cluster's text names; undefined: it is not a folder. */
export function folderOf(text: string): string | undefined {
  try {
    return statSync(text).isDirectory() ? realpathSync(text) : undefined;
  } catch {
    return undefined;
  }
}

/** `NAME=REST` of each `--cluster`, in order. throws   UsageError */
export function namedClusters(texts: readonly string[]): ReadonlyMap<ClusterName, string> {
  const found = new Map<ClusterName, string>();
  for (const text of texts) {
    const [, id = '', rest = ''] = /^([^=]*)=(.+)$/s.exec(text) ?? [];
    const name = parseClusterName(id);
    if (name === undefined || !isClusterId(id) || rest === '') {
      throw problem(`--cluster ${text}`, 'is not NAME=…, with a name of at most 48 lower-case letters, digits and "-"');
    }
    if (found.has(name)) throw problem(`--cluster ${text}`, `names cluster ${name} a second time`);
    found.set(name, rest);
  }
  return found;
}

export function problem(what: string, message: string): UsageError {
  return new UsageError(what, message);
}
