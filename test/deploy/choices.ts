import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dump } from 'js-yaml';
import type { Values } from './chart.ts';
import type { Kustomization } from './kustomize.ts';

const deploy = fileURLToPath(new URL('../../deploy/', import.meta.url));
const component = (name: string) => join(deploy, 'components', name);
const overlay = (mode: string) => join(deploy, 'overlays', mode);

/**
 * The chart's values beside the kustomize components that mean the same. Components are in the order of
 * deploy/README.md.
 */
export interface Choice {
  readonly name: string;
  readonly values: Values;
  readonly kustomization: Kustomization;
}

/** Components that correspond to a single value, true or false. */
export const switches: readonly (readonly [component: string, value: string])[] = [
  ['take-over', 'takeOver'],
  ['node-by-node', 'nodeByNode'],
  ['beside', 'beside'],
  ['leases', 'leases'],
  ['metrics', 'metrics'],
  ['alerts', 'alerts'],
  ['dashboard', 'dashboard'],
  ['controller', 'controller'],
];

const registry = [{ id: 'home', self: true, podCIDRs: ['10.1.0.0/16'] }, { id: 'west' }, { id: 'east', weight: 50 }];
const clusterPatches = (names: readonly string[], entries: readonly object[]): Kustomization['patches'] => [
  {
    target: { kind: 'ConfigMap', name: 'slicewright-registry' },
    patch: dump([{ op: 'replace', path: '/data/registry.yaml', value: registryText(entries) }]),
  },
  {
    target: { kind: 'DaemonSet', name: 'slicewright' },
    patch: dump(
      names.map((name) => ({
        op: 'add',
        path: '/spec/template/spec/containers/0/args/-',
        value: `--cluster=${name}=/etc/slicewright-clusters/${name}.kubeconfig`,
      })),
    ),
  },
];
const registryText = (clusters: readonly object[]) =>
  dump({ apiVersion: 'slicewright.dev/v1alpha1', kind: 'ClusterRegistry', clusters });

const modes = ['iptables', 'ipvs', 'nftables'];
const ownConfig = 'kind: KubeProxyConfiguration\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nmode: iptables\n';
export const choices: readonly Choice[] = [
  ...modes.map((mode) => ({ name: mode, values: { mode }, kustomization: { resources: [overlay(mode)] } })),
  ...switches.map(([name, value]) => ({
    name,
    values: { [value]: true },
    kustomization: { resources: [overlay('iptables')], components: [component(name)] },
  })),
  {
    name: 'overlays/two-clusters',
    values: { clusters: ['west'], registry: [{ id: 'west' }], leases: true },
    kustomization: { resources: [overlay('two-clusters')] },
  },
  ...modes.map((mode) => ({
    name: `${mode} with all components`,
    values: {
      mode,
      ...Object.fromEntries(switches.map(([, value]) => [value, true])),
      clusters: ['west', 'east'],
      registry,
    },
    kustomization: {
      resources: [overlay(mode)],
      components: ['clusters', ...switches.map(([name]) => name)].map(component),
      patches: clusterPatches(['west', 'east'], registry)!,
    },
  })),
  {
    name: 'a configuration of its own, and the address of the API server',
    values: { config: ownConfig, apiServer: { host: '192.0.2.10', port: '6443' } },
    kustomization: {
      resources: [overlay('iptables')],
      patches: [
        {
          target: { kind: 'ConfigMap', name: 'slicewright' },
          patch: dump([
            { op: 'add', path: '/data/apiServerHost', value: '192.0.2.10' },
            { op: 'add', path: '/data/apiServerPort', value: '6443' },
            { op: 'replace', path: '/data/config.yaml', value: ownConfig },
            { op: 'replace', path: '/data/beside.yaml', value: ownConfig },
          ]),
        },
      ],
    },
  },
];
