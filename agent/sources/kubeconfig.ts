import type { KubeConfig } from '@kubernetes/client-node';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileProblem, InputError } from '../input/input-error.ts';
import { asFields } from '../../compiler/model/fields.ts';
import { type ApiCall, type ApiGet, type ApiPost, type ApiWrite, openApi } from './api.ts';
import { parseDocuments } from '../input/documents.ts';
import { createTokenFile } from './token-file.ts';

/** The API server to use, and the credentials. */
export interface ClusterAccess {
  /** undefined: the service account of the pod that the process runs in. */
  readonly kubeconfig: string | undefined;
  readonly context?: string | undefined;
  /** Overrides the server's address. */
  readonly master?: string | undefined;
}

/**
 * Opens one cluster's API server.
 *
 * throws   InputError: no such file or context, or no service account
 */
export async function openCluster(
  access: ClusterAccess,
  onCall?: (call: ApiCall) => void,
): Promise<{
  readonly get: ApiGet;
  readonly post: ApiPost;
  readonly write: ApiWrite;
  readonly server: string;
  readonly isUnverified: boolean;
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
    refuseProxy(config);
    if (master !== undefined) overrideServer(config, master);
    followTokenFile(config, kubeconfig);
    return openApi(config, onCall);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const hint = kubeconfig === undefined ? '; name an API server with --kubeconfig, or a folder with --source' : '';
    throw new InputError([fileProblem(from, 'no-cluster', `cannot be used: ${reason}${hint}`)]);
  }
}

/** The warning about an API server whose certificate is not verified. */
export function unverifiedText(server: string): string {
  return (
    `the certificate of ${server} is not verified, because its kubeconfig sets insecure-skip-tls-verify: ` +
    'anyone on the path can impersonate this API server; set certificate-authority-data instead'
  );
}

async function load(kubeconfig: string | undefined): Promise<KubeConfig> {
  const { KubeConfig } = await import('./client-library.ts');
  const config = new KubeConfig();
  if (kubeconfig !== undefined) config.loadFromFile(kubeconfig);
  else if (process.env['KUBERNETES_SERVICE_HOST'] === undefined) throw new Error('slicewright does not run in a pod');
  else config.loadFromCluster();
  return config;
}

/** slicewright uses no proxy: a server that only a proxy reaches would fail without a visible reason. */
function refuseProxy(config: KubeConfig): void {
  const cluster = config.getCurrentCluster();
  if (cluster?.proxyUrl === undefined || cluster.proxyUrl === '') return;
  const where = `cluster "${cluster.name}" has proxy-url, and slicewright uses no proxy`;
  throw new Error(`${where}: take it out, and name a server that this machine reaches directly`);
}

function overrideServer(config: KubeConfig, master: string): void {
  const current = config.getCurrentCluster();
  if (current === null) throw new Error('names no cluster for its current context');
  config.clusters = config.clusters.map((cluster) =>
    cluster.name === current.name ? { ...cluster, server: master } : cluster,
  );
}

/**
 * Reads the token from its file at each call. In a kubeconfig the client library only knows a field
 * that kubectl does not (`token-file`), and reads it once; it ignores `tokenFile`.
 */
function followTokenFile(config: KubeConfig, kubeconfig: string | undefined): void {
  const user = config.getCurrentUser();
  const path = user === null ? undefined : tokenFileOf(user, kubeconfig);
  if (user === null || path === undefined) return;
  const { token: _once, authProvider: _seldom, ...rest } = user;
  config.users = config.users.map((one) => (one.name === user.name ? rest : one));
  const token = createTokenFile(path);
  config.addAuthenticator({
    isAuthProvider: ({ name }) => name === user.name,
    applyAuthentication(_user, options) {
      options.headers = { ...options.headers, Authorization: `Bearer ${token()}` };
      return Promise.resolve();
    },
  });
}

/** As in kubectl, relative to the kubeconfig. The library knows the path of a service account's token. */
function tokenFileOf(user: NonNullable<ReturnType<KubeConfig['getCurrentUser']>>, kubeconfig: string | undefined) {
  const provided: unknown = asFields(asFields(user.authProvider)?.config)?.tokenFile;
  const named = kubeconfig === undefined ? provided : (tokenFileIn(kubeconfig, user.name) ?? provided);
  return typeof named === 'string' && named !== '' ? resolve(dirname(kubeconfig ?? '/'), named) : undefined;
}

function tokenFileIn(kubeconfig: string, userName: string): unknown {
  const [document] = parseDocuments(readFileSync(kubeconfig), kubeconfig, []);
  const users = asFields(document)?.users;
  const found = Array.isArray(users) ? users.map(asFields).find((one) => one?.name === userName) : undefined;
  const fields = asFields(found?.user);
  return fields?.tokenFile ?? fields?.['token-file'];
}
