import type { Settings } from '../../compiler/settings.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';

/**
 * A warning that no setting tells pods from other clients, as kube-proxy warns too: the setting is easily forgotten, and
 * without it some connections are never answered.
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
        'is not set, so rules cannot distinguish pods from other clients: outside clients of a cluster IP keep their address, so answers may not return through this node; with externalTrafficPolicy Local, pods reach only endpoints on this node',
    },
  ];
}
