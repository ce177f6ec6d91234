import type { KubeConfig } from '@kubernetes/client-node';
import { fileProblem, InputError } from '../input-error.ts';
import { type ApiGet, type ApiPost, openApi } from './api.ts';

/** Which API server, and as whom. */
export interface ClusterAccess {
  /** undefined: the service account of the pod that we run in. */
  readonly kubeconfig: string | undefined;
  readonly context?: string | undefined;
  /** Overrides the server's address. */
  readonly master?: string | undefined;
}

/**
 * Opens one cluster's API server.
 *
 * throws   InputError: no such file or context, or no service account here
 */
export async function openCluster(access: ClusterAccess): Promise<{
  readonly get: ApiGet;
  readonly post: ApiPost;
  readonly server: string;
  readonly close: () => void;
}> {
  const { kubeconfig, context, master } = access;
  const from = kubeconfig ?? 'the service account of this pod';
  try {
    const config = await load(kubeconfig);
    if (context !== undefined) {
      if (config.getContextObject(context) === null) throw new Error(`has no context "${context}"`);
      config.setCurrentContext(context);
    }
    if (master !== undefined) overrideServer(config, master);
    return openApi(config);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const hint = kubeconfig === undefined ? '; name an API server with --kubeconfig, or a folder with --source' : '';
    throw new InputError([fileProblem(from, 'no-cluster', `cannot be used: ${reason}${hint}`)]);
  }
}

async function load(kubeconfig: string | undefined): Promise<KubeConfig> {
  const client = await import('@kubernetes/client-node');
  const config = new client.KubeConfig();
  if (kubeconfig !== undefined) config.loadFromFile(kubeconfig);
  else if (process.env['KUBERNETES_SERVICE_HOST'] === undefined) throw new Error('this is no pod');
  else config.loadFromCluster();
  return config;
}

function overrideServer(config: KubeConfig, master: string): void {
  const current = config.getCurrentCluster();
  if (current === null) throw new Error('names no cluster for its current context');
  config.clusters = config.clusters.map((cluster) =>
    cluster.name === current.name ? { ...cluster, server: master } : cluster,
  );
}
