import type { Manifest } from './kustomize.ts';

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: number };
}

type Quantities = Readonly<Record<string, string>>;

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly resources: { readonly requests: Quantities; readonly limits?: Quantities };
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly securityContext: {
    readonly runAsUser: number;
    readonly privileged?: boolean;
    readonly allowPrivilegeEscalation?: boolean;
    readonly readOnlyRootFilesystem: boolean;
    readonly capabilities?: { readonly drop: readonly string[]; readonly add: readonly string[] };
    readonly seccompProfile?: { readonly type: string };
  };
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

export interface PodSpec {
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly initContainers: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly {
    readonly name: string;
    readonly hostPath?: { readonly path: string };
    readonly configMap?: {
      readonly name: string;
      readonly items: readonly { readonly key: string; readonly path: string }[];
    };
  }[];
}

/** The pod that the DaemonSet makes. */
export function podOf(manifests: readonly Manifest[]): PodSpec {
  const found = manifests.find(({ kind }) => kind === 'DaemonSet');
  return (found as unknown as { spec: { template: { spec: PodSpec } } }).spec.template.spec;
}

/** The text of the configuration file that the pod mounts. */
export function configOf(manifests: readonly Manifest[]): string {
  const { volumes } = podOf(manifests);
  const items = volumes.flatMap(({ configMap }) => (configMap?.name === 'slicewright' ? configMap.items : []));
  const key = items.find(({ path }) => path === 'config.yaml')?.key ?? '';
  const map = manifests.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'slicewright');
  return map?.data?.[key] ?? '';
}
