import type { Manifest } from './kustomize.ts';

export interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly securityContext: {
    readonly privileged?: boolean;
    readonly capabilities?: { readonly add: readonly string[] };
  };
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
