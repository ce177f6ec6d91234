import type { Manifest } from './kustomize.ts';

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: number };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly securityContext: {
    readonly runAsUser: number;
    readonly privileged?: boolean;
    readonly allowPrivilegeEscalation?: boolean;
    readonly readOnlyRootFilesystem: boolean;
    readonly capabilities?: { readonly drop: readonly string[]; readonly add: readonly string[] };
    readonly seccompProfile?: { readonly type: string };
  };
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

export interface PodSpec {
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly initContainers: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly hostPath?: { readonly path: string } }[];
}

/** The pod that the DaemonSet makes. */
export function podOf(manifests: readonly Manifest[]): PodSpec {
  const found = manifests.find(({ kind }) => kind === 'DaemonSet');
  return (found as unknown as { spec: { template: { spec: PodSpec } } }).spec.template.spec;
}

/** The text of the configuration file. */
export function configOf(manifests: readonly Manifest[]): string {
  return manifests.find(({ kind }) => kind === 'ConfigMap')?.data?.['config.yaml'] ?? '';
}
