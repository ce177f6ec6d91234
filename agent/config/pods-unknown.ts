import type { Settings } from '../../compiler/settings.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';

/**
 * That nothing tells pods from other clients, which kube-proxy warns of too: it is easily forgotten, and shows as
 * connections that are never answered.
 *
 * file   of the configuration, for the message
 */
export function podsUnknown({ detectLocalMode, clusterCidrs }: Settings, file: string): readonly Diagnostic[] {
  if (detectLocalMode !== 'ClusterCIDR' || clusterCidrs.length > 0) return [];
  return [
    {
      severity: 'warning',
      code: 'pods-unknown',
      object: { kind: 'KubeProxyConfiguration', name: file },
      field: 'clusterCIDR',
      message:
        'is not set, so pods cannot be told from other clients: who comes from outside to a cluster IP keeps its address, and its answer may miss this node; with externalTrafficPolicy Local pods are sent to endpoints of this node only',
    },
  ];
}
