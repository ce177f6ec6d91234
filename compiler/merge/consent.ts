import { acceptedClusters } from '../policy/parse.ts';
import { defaultPolicy } from '../policy/policy.ts';
import { findCluster, idOf, type Registry } from '../registry/registry.ts';
import type { TextMap } from '../model/fields.ts';
import type { ClusterName, ServiceKey } from '../values/names.ts';

/** How another cluster offers endpoints for a local Service. */
export type Offer = 'exported' | 'provided';

/** Who of the local cluster lets them in. `multi-cluster-service` needs no offer: Karmada's word is of both sides. */
export type Consent = 'multi-cluster-service' | 'import' | 'annotation' | 'registry';

/** What of the local cluster is asked about one Service and one other cluster. */
export interface Question {
  readonly cluster: ClusterName;
  /** The Service that would be fed, and the one whose endpoints would. */
  readonly key: ServiceKey;
  readonly of: ServiceKey;
  /** Of the Service. */
  readonly annotations: TextMap;
  /** The Service is a local import, or stands for one. */
  readonly isImport: boolean;
  /** Our own MultiClusterService names the cluster as provider and ours as consumer. */
  readonly isProvidedByUs: boolean;
}

/**
 * Who lets another cluster's endpoints into a local Service; undefined: nobody, so they stay out. A cluster alone
 * cannot say that its endpoints are ours too: its export would draw our clients away to it.
 *
 * On default/kubernetes and the system namespaces every tenant depends, so there objects of one namespace do not
 * count: only the registry, which is the operators', and only by name.
 */
export function consentTo(question: Question, registry: Registry): Consent | undefined {
  const { key, of, cluster } = question;
  const isGranted = (service: ServiceKey): boolean => mayServe(registry, cluster, service);
  if (isProtected(key) || isProtected(of)) return isGranted(key) && isGranted(of) ? 'registry' : undefined;
  if (question.isProvidedByUs) return 'multi-cluster-service';
  if (question.isImport) return 'import';
  if (acceptsByPolicy(question, registry)) return 'annotation';
  return isGranted(of) ? 'registry' : undefined;
}

function acceptsByPolicy({ cluster, annotations }: Question, registry: Registry): boolean {
  return acceptedClusters(annotations, registry.policy ?? defaultPolicy).some(
    (name) => name === '*' || idOf(registry, name) === cluster,
  );
}

const systemNamespaces: ReadonlySet<string> = new Set(['kube-system', 'kube-public', 'kube-node-lease']);

/** Whether a Service, or an import of its name, is one that all tenants depend on. */
export function isProtected(key: ServiceKey): boolean {
  const [namespace, name] = partsOf(key);
  return systemNamespaces.has(namespace) || isApiServer(namespace, name);
}

function isApiServer(namespace: string, name: string): boolean {
  return namespace === 'default' && name === 'kubernetes';
}

/** What is protected is never meant by a wildcard, nor the API server by its namespace. */
function mayServe(registry: Registry, cluster: ClusterName, key: ServiceKey): boolean {
  const [namespace, name] = partsOf(key);
  const grants = findCluster(registry, cluster)?.mayServe ?? [];
  return grants.some((grant) => {
    if (grant.names === undefined && isApiServer(namespace, name)) return false;
    if (grant.namespace === '*' ? isProtected(key) : grant.namespace !== namespace) return false;
    return grant.names?.some((listed) => listed === name) ?? true;
  });
}

function partsOf(key: ServiceKey): readonly [namespace: string, name: string] {
  const slash = key.indexOf('/');
  return [key.slice(0, slash), key.slice(slash + 1).replace(/@clusterset$/, '')];
}
