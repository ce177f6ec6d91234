import {
  type Compat,
  defaultSettings,
  type NodePortAddresses,
  parseInterfaceName,
  type Settings,
} from '../../compiler/settings.ts';
import { cidrFamily, type Family, parseAddress, parseCidr, splitCidr } from '../../compiler/values/address.ts';
import type { Report } from './report.ts';
import {
  parseBit,
  parseBoolean,
  parseCidrPair,
  parseCidrs,
  parseDetectLocalMode,
  parseDurationSeconds,
  parseGates,
  parseNodePortAddresses,
  parseScheduler,
} from './values.ts';

/** The value at a path of the file; undefined where it is unset. */
export type Get = (path: string) => unknown;

export interface SettingsChoices {
  readonly compat: Compat;
  /** The mode whose section of the file is used. */
  readonly backend: string;
}

/**
 * Settings from the values of a file, each of which has been checked by itself: the only problems left to
 * report are values that do not fit together. kube-proxy's defaults fill the rest.
 */
export function settingsFrom(get: Get, { compat, backend }: SettingsChoices, report: Report): Settings {
  const address = parseAddress(get('bindAddress'));
  // A mode without such a key takes that of iptables mode, as IPVS mode does.
  const ofMode = (name: string) => get(`${backend}.${name}`) ?? get(`iptables.${name}`);
  const seconds = (path: string) => Math.floor(parseDurationSeconds(get(path)) ?? 0);
  return {
    ...defaultSettings,
    compat,
    ...localDetectionFrom(get, report),
    masqueradeAll: parseBoolean(ofMode('masqueradeAll')) ?? defaultSettings.masqueradeAll,
    masqueradeBit: parseBit(ofMode('masqueradeBit')) ?? defaultSettings.masqueradeBit,
    localhostNodePorts: parseBoolean(get('iptables.localhostNodePorts')) ?? defaultSettings.localhostNodePorts,
    nodePortAddresses: nodePortAddressesFrom(get, compat, report),
    bindAddress: address === '0.0.0.0' || address === '::' ? undefined : address,
    conntrackTcpBeLiberal: parseBoolean(get('conntrack.tcpBeLiberal')) ?? defaultSettings.conntrackTcpBeLiberal,
    countsTraffic: parseBoolean(get(`${backend}.counters`)) ?? defaultSettings.countsTraffic,
    packetCounters: packetCountersFrom(get, compat, report),
    featureGates: parseGates(get('featureGates')) ?? defaultSettings.featureGates,
    ipvs: {
      scheduler: parseScheduler(get('ipvs.scheduler')) ?? defaultSettings.ipvs.scheduler,
      strictArp: parseBoolean(get('ipvs.strictARP')) ?? defaultSettings.ipvs.strictArp,
      excludeCidrs: parseCidrs(get('ipvs.excludeCIDRs')) ?? defaultSettings.ipvs.excludeCidrs,
      tcpTimeoutSeconds: seconds('ipvs.tcpTimeout'),
      tcpFinTimeoutSeconds: seconds('ipvs.tcpFinTimeout'),
      udpTimeoutSeconds: seconds('ipvs.udpTimeout'),
    },
  };
}

function packetCountersFrom(get: Get, compat: Compat, report: Report): boolean {
  const isAsked = parseBoolean(get('iptables.counters')) ?? defaultSettings.packetCounters;
  if (!isAsked || compat === 'none') return isAsked;
  report.info('iptables.counters', 'has no effect with --compat kube-proxy: kube-proxy v1.30 has no such counters');
  return false;
}

/** The key that this mode needs and other modes ignore. */
const keyOfMode = {
  ClusterCIDR: 'clusterCIDR',
  BridgeInterface: 'detectLocal.bridgeInterface',
  InterfaceNamePrefix: 'detectLocal.interfaceNamePrefix',
} as const;

function localDetectionFrom(get: Get, report: Report) {
  const detectLocalMode = parseDetectLocalMode(get('detectLocalMode')) ?? defaultSettings.detectLocalMode;
  for (const [mode, path] of Object.entries(keyOfMode)) {
    const isSet = (get(path) ?? undefined) !== undefined;
    if (mode !== detectLocalMode && isSet) report.info(path, `has no effect with detectLocalMode ${detectLocalMode}`);
    // Without clusterCIDR kube-proxy runs without local detection; without an interface it refuses to start.
    if (mode === detectLocalMode && !isSet && mode !== 'ClusterCIDR') {
      report.error(path, `is missing; detectLocalMode ${mode} needs it`);
    }
  }
  const clusterCidrs = parseCidrPair(get(keyOfMode.ClusterCIDR)) ?? [];
  for (const cidr of clusterCidrs.filter((range) => splitCidr(range).length === 0)) {
    report.warning(
      keyOfMode.ClusterCIDR,
      `${cidr} contains every address, so it cannot distinguish pods from other clients`,
    );
  }
  return {
    detectLocalMode,
    clusterCidrs,
    bridgeInterface: parseInterfaceName(get(keyOfMode.BridgeInterface)),
    interfaceNamePrefix: parseInterfaceName(get(keyOfMode.InterfaceNamePrefix)),
  };
}

function nodePortAddressesFrom(get: Get, compat: Compat, report: Report): Readonly<Record<Family, NodePortAddresses>> {
  const entries = parseNodePortAddresses(get('nodePortAddresses')) ?? [];
  if (entries[0] === 'primary') {
    if (compat === 'kube-proxy') {
      report.error(
        'nodePortAddresses',
        'kube-proxy v1.30 does not know "primary"; leave out --compat or name networks',
      );
    }
    return { IPv4: { kind: 'primary' }, IPv6: { kind: 'primary' } };
  }
  const within = (family: Family, everything: string): NodePortAddresses => {
    const cidrs = entries.map(parseCidr).filter((cidr) => cidr !== undefined && cidrFamily(cidr) === family);
    // The text decides, as it does for kube-proxy: 1.2.3.4/0 is a network like others.
    return cidrs.length === 0 || entries.includes(everything)
      ? { kind: 'all' }
      : { kind: 'within', cidrs: cidrs.filter((cidr) => cidr !== undefined) };
  };
  return { IPv4: within('IPv4', '0.0.0.0/0'), IPv6: within('IPv6', '::/0') };
}
