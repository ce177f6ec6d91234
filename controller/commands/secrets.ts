import { asFields, parseTextMap, type TextMap } from '../../compiler/model/fields.ts';
import { type ClusterName, parseClusterName } from '../../compiler/values/names.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import type { ApiGet } from '../../agent/sources/api.ts';
import { reflect } from '../../agent/sources/reflector.ts';
import type { ReflectorOptions, ReflectorState } from '../../agent/sources/reflector-options.ts';
import { isClusterId } from '../core/names.ts';

/** Label of Secrets that register a cluster; its value is the cluster's name. Their other labels are the cluster's. */
export const clusterLabel = 'slicewright.dev/cluster';
/** Annotation on such a Secret: the uid that the cluster's namespace `kube-system` must have. */
const uidAnnotation = 'slicewright.dev/cluster-uid';

/** A cluster's registration by a Secret. */
export interface RegisteredSecret {
  readonly secret: string;
  readonly cluster: ClusterName;
  readonly labels: TextMap;
  readonly uid: string | undefined;
  /** The text of a kubeconfig; undefined: the Secret has none. */
  readonly kubeconfig: string | undefined;
}

/** A Secret that names no valid cluster. */
export interface UnusableSecret {
  readonly secret: string;
  readonly problem: string;
}

export type ReadSecret = RegisteredSecret | UnusableSecret;

export interface SecretsOptions {
  readonly get: ApiGet;
  readonly namespace: string;
  readonly clock: ReflectorOptions<ReadSecret>['clock'];
  readonly random: () => number;
  /** All Secrets that register clusters, in order of their names: called whenever one changes, comes or goes. */
  readonly onSecrets: (secrets: readonly ReadSecret[]) => void;
  readonly onState: (state: ReflectorState) => void;
}

/** Watches the Secrets of a namespace that register clusters, until the signal is aborted. */
export function followSecrets(options: SecretsOptions, signal: AbortSignal): Promise<void> {
  const { get, namespace, clock, random, onSecrets, onState } = options;
  const known = new Map<string, ReadSecret>();
  const tell = (): void => onSecrets([...known.values()].sort((a, b) => (a.secret < b.secret ? -1 : 1)));
  return reflect<ReadSecret>(
    {
      get,
      path: `/api/v1/namespaces/${namespace}/secrets`,
      query: { labelSelector: clusterLabel },
      optional: false,
      project: (raw) => {
        const value = readSecret(raw);
        return { key: value.secret, value };
      },
      onReplace(secrets) {
        known.clear();
        for (const [name, secret] of secrets) known.set(name, secret);
        tell();
      },
      onChange(name, secret) {
        if (secret === undefined) known.delete(name);
        else known.set(name, secret);
        tell();
      },
      onState,
      clock,
      random,
    },
    signal,
  );
}

function readSecret(item: unknown): ReadSecret {
  const { metadata, data } = asFields(item) ?? {};
  const fields = asFields(metadata);
  const secret = printable(String(fields?.name), 253);
  const labels = new Map(parseTextMap(fields?.labels));
  const id = labels.get(clusterLabel) ?? '';
  const cluster = parseClusterName(id);
  if (cluster === undefined || !isClusterId(id)) {
    const problem = `its label ${clusterLabel} is not a cluster name: at most 48 lower-case letters, digits and "-"`;
    return { secret, problem };
  }
  labels.delete(clusterLabel);
  const encoded = asFields(data)?.kubeconfig;
  return {
    secret,
    cluster,
    labels,
    uid: parseTextMap(fields?.annotations).get(uidAnnotation),
    kubeconfig: typeof encoded === 'string' ? Buffer.from(encoded, 'base64').toString('utf8') : undefined,
  };
}
