import { statSync } from 'node:fs';
import { type ClusterName, parseClusterName } from '../../../compiler/values/names.ts';
import type { Clock } from '../../loop/clock.ts';
import { fileProblem, InputError, UsageError } from '../../input/input-error.ts';
import type { ApiCall, ApiPost } from '../../sources/api.ts';
import { clusterSource } from '../../sources/cluster.ts';
import { defaultFolderTimes, folderSource } from '../../sources/folder.ts';
import { openCluster } from '../../sources/kubeconfig.ts';
import { defaultSourceLimits, parseSourceLimits, type SourceLimits } from '../../sources/quota.ts';
import type { Source } from '../../sources/source.ts';

export interface SourceOptions {
  /** A folder that holds the local cluster's objects, instead of an API server. */
  readonly source?: string;
  /** `NAME=FOLDER` or `NAME=KUBECONFIG[,CONTEXT]`. */
  readonly cluster: readonly string[];
  readonly kubeconfig: string | undefined;
  readonly master?: string;
  /** Of the Services that are served; undefined: of those without the label, as kube-proxy. */
  readonly proxyName?: string | undefined;
  readonly nodeName: string;
  /** Whether the local cluster's other Nodes are read; absent: they are. */
  readonly otherNodes?: boolean;
  /** How much each source may hold here, as `objects=N,…`; absent: the default. */
  readonly sourceLimits?: string;
  /** The namespace of other clusters' Leases; absent: they are not read. */
  readonly leaseNamespace?: string;
  readonly clock: Clock;
  /** Called with every request to an API server. */
  readonly onCall?: (call: ApiCall) => void;
}

/**
 * The sources of all clusters, the local one first, and a function that closes their connections.
 *
 * throws   InputError naming what cannot be used
 */
export async function openSources(options: SourceOptions): Promise<{
  readonly sources: readonly Source[];
  /** For requests to the local cluster's API server; undefined if it has none. */
  readonly post: ApiPost | undefined;
  /** API servers that a kubeconfig says not to verify. */
  readonly unverified: readonly string[];
  readonly close: () => void;
}> {
  const limits = limitsOf(options.sourceLimits);
  const closers: (() => void)[] = [];
  const unverified: string[] = [];
  let ownPost: ApiPost | undefined;
  const fromApi = async (cluster: ClusterName | undefined, kubeconfig: string | undefined, context?: string) => {
    const master = cluster === undefined ? options.master : undefined;
    const opened = await openCluster({ kubeconfig, context, master }, options.onCall);
    const { get, post, server, close } = opened;
    closers.push(close);
    if (opened.isUnverified) unverified.push(server);
    if (cluster === undefined) ownPost = post;
    const { nodeName, otherNodes = true, proxyName, leaseNamespace, clock } = options;
    return clusterSource({
      ...{ cluster, from: server, get, nodeName, otherNodes, proxyName, limits, clock, random: Math.random },
      ...(leaseNamespace === undefined ? {} : { leaseNamespace }),
    });
  };
  const own =
    options.source === undefined
      ? await fromApi(undefined, options.kubeconfig)
      : folderSource(undefined, folderAt(options.source), options.clock, defaultFolderTimes, limits);
  const sources = [own];
  const names = new Set<string>();
  for (const text of options.cluster) {
    const { name, path, context } = parseClusterOption(text);
    if (names.has(name)) throw problem(text, `names cluster ${name} a second time`);
    names.add(name);
    sources.push(
      isFolder(path)
        ? folderSource(name, path, options.clock, defaultFolderTimes, limits)
        : await fromApi(name, path, context),
    );
  }
  return { sources, post: ownPost, unverified, close: () => closers.forEach((close) => close()) };
}

function limitsOf(text: string | undefined): SourceLimits {
  const limits = text === undefined ? defaultSourceLimits : parseSourceLimits(text);
  if (limits !== undefined) return limits;
  const names = Object.keys(defaultSourceLimits).join(', ');
  const message = `is not NAME=NUMBER[,…] with ${names} and whole numbers from 1`;
  throw new UsageError(`--source-limits ${text}`, message, 'bad-limits');
}

function parseClusterOption(text: string): {
  readonly name: ClusterName;
  readonly path: string;
  readonly context: string | undefined;
} {
  const [, id, rest = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  const name = parseClusterName(id);
  if (name === undefined) throw problem(text, 'is not NAME=FOLDER or NAME=KUBECONFIG[,CONTEXT]');
  if (isFolder(rest)) return { name, path: rest, context: undefined };
  const comma = rest.indexOf(',');
  if (comma < 0) return { name, path: rest, context: undefined };
  return { name, path: rest.slice(0, comma), context: rest.slice(comma + 1) };
}

function folderAt(path: string): string {
  if (!isFolder(path)) throw new InputError([fileProblem(path, 'no-folder', 'is not a folder')]);
  return path;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function problem(text: string, message: string): UsageError {
  return new UsageError(`--cluster ${text}`, message, 'bad-cluster');
}
