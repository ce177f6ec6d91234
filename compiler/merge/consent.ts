import { acceptedClusters } from '../policy/parse.ts';
import { defaultPolicy } from '../policy/policy.ts';
import { findCluster, idOf, type Registry } from '../registry/registry.ts';
import type { TextMap } from '../model/fields.ts';
import type { ClusterName, ServiceKey } from '../values/names.ts';

/** How another cluster offers endpoints for a local Service. */
export type Offer = 'exported' | 'provided';

/**
 * Which local object or file accepts them. `multi-cluster-service` needs no offer: Karmada's object speaks for both
 * sides.
 */
export type Consent = 'multi-cluster-service' | 'import' | 'annotation' | 'registry';

/** The facts of the local cluster about one Service and one other cluster. */
export interface Question {
  readonly cluster: ClusterName;
  /** The local Service that would be fed, and the other cluster's Service whose endpoints would feed it. */
  readonly key: ServiceKey;
  readonly of: ServiceKey;
  /** Of the Service that would be fed. */
  readonly annotations: TextMap;
  /** The Service is a local import, or stands for one. */
  readonly isImport: boolean;
  /** The local cluster's own MultiClusterService names that cluster as provider and the local one as consumer. */
  readonly isProvidedByUs: boolean;
}

/**
 * What accepts another cluster's endpoints for a local Service; undefined: nothing, so they stay out. Another cluster
 * cannot decide alone that its endpoints count here: its export would draw local clients away to it.
 *
 * Every tenant depends on default/kubernetes and the system namespaces. So objects of one namespace do not count there:
 * only the registry counts, which belongs to the operators, and only where it names the Service.
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

/** A wildcard never includes protected Services, and a namespace never includes the API server's Service. */
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
