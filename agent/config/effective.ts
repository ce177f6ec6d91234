import { defaultBackend } from '../../backends/index.ts';
import { keys } from './keys.ts';
import type { ValueType } from './values.ts';

/** kube-proxy v1.30's defaults for keys that have an effect here, where they differ from Go's zero value. */
const defaults: Readonly<Record<string, unknown>> = {
  bindAddress: '0.0.0.0',
  'conntrack.maxPerCore': 32_768,
  'conntrack.min': 131_072,
  'conntrack.tcpCloseWaitTimeout': '1h0m0s',
  'conntrack.tcpEstablishedTimeout': '24h0m0s',
  detectLocalMode: 'ClusterCIDR',
  healthzBindAddress: '0.0.0.0:10256',
  'iptables.localhostNodePorts': true,
  'iptables.masqueradeBit': 14,
  'iptables.minSyncPeriod': '1s',
  'iptables.syncPeriod': '30s',
  'ipvs.syncPeriod': '30s',
  'nftables.minSyncPeriod': '1s',
  'nftables.syncPeriod': '30s',
  metricsBindAddress: '127.0.0.1:10249',
  mode: defaultBackend(),
  // 0 is a possible score; unset keeps the process's present one.
  oomScoreAdj: null,
};

/** Keys that take another key's value if they are unset; that other key stands before them in the list. */
const inherited: Readonly<Record<string, string>> = {
  'nftables.masqueradeAll': 'iptables.masqueradeAll',
  'nftables.masqueradeBit': 'iptables.masqueradeBit',
};

const zeroValues: Readonly<Partial<Record<ValueType, unknown>>> = {
  boolean: false,
  bit: 0,
  cidrs: null,
  count: 0,
  duration: '0s',
  gates: {},
  integer: 0,
  'node-port-addresses': null,
  number: 0,
};

/**
 * A KubeProxyConfiguration with every key, as kube-proxy writes it: the chosen values, defaults for the others, and Go's
 * zero value for keys with neither. Keys without effect here get no default, because no value of them is in force.
 *
 * document   one that was checked
 */
export function effectiveDocument(document: unknown): Record<string, unknown> {
  const effective = structuredClone(document) as Record<string, unknown>;
  for (const { path, type } of keys) {
    const names = path.split('.');
    const name = names.pop() ?? '';
    if (name === '*') continue;
    const section = names.reduce<Record<string, unknown>>((within, key) => {
      const below = (within[key] ?? {}) as Record<string, unknown>;
      within[key] = below;
      return below;
    }, effective);
    const given = section[name];
    if (given === undefined || given === null || given === '') {
      const other = inherited[path];
      const inForce = other === undefined ? undefined : valueAt(effective, other);
      section[name] =
        inForce !== undefined
          ? inForce
          : path in defaults
            ? defaults[path]
            : type in zeroValues
              ? zeroValues[type]
              : '';
    }
  }
  return effective;
}

function valueAt(document: Record<string, unknown>, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((within, name) => (within as Record<string, unknown> | undefined)?.[name], document);
}
