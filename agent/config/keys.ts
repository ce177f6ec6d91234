import type { ValueType } from './values.ts';

/**
 * What happens to a key of a KubeProxyConfiguration:
 *
 * applied   it has the meaning that it has for kube-proxy; `backend`: in that mode only, as there
 * agent     `slicewright agent` gives it the meaning that it has for kube-proxy; commands that run once have no use for it
 * inert     known, and without any effect here; reported by name when it holds more than its zero value
 */
export type Effect =
  | { readonly kind: 'applied'; readonly backend?: ModeWithKeys }
  | { readonly kind: 'agent'; readonly backend?: ModeWithKeys }
  | { readonly kind: 'inert'; readonly why: string };

/** Modes of kube-proxy that have a section of their own. */
type ModeWithKeys = 'iptables' | 'ipvs' | 'nftables';

export interface Key {
  /** `iptables.masqueradeBit`. A key that ends in `.*` stands for all below it. */
  readonly path: string;
  readonly type: ValueType;
  readonly effect: Effect;
  /** For people: what it does here. */
  readonly meaning: string;
}

function applied(path: string, type: ValueType, meaning: string, backend?: ModeWithKeys): Key {
  return { path, type, meaning, effect: backend === undefined ? { kind: 'applied' } : { kind: 'applied', backend } };
}

function agent(path: string, type: ValueType, meaning: string, backend?: ModeWithKeys): Key {
  return { path, type, meaning, effect: backend === undefined ? { kind: 'agent' } : { kind: 'agent', backend } };
}

function inert(why: string, ...typed: readonly (readonly [path: string, type: ValueType])[]): Key[] {
  return typed.map(([path, type]) => ({ path, type, effect: { kind: 'inert', why }, meaning: why }));
}

const noTuning = 'the agent reads the API server as JSON, over few connections, without a rate limit';
const noProfiling = 'there is no profiling server, and no hidden metric';
const noWindows = 'slicewright runs on Linux only';

/**
 * Every key of kube-proxy v1.30's configuration, and those that later versions added
 * (k8s.io/kube-proxy/config/v1alpha1). A key that is missing here is rejected, so none is ignored
 * silently. `docs/configuration.md` shows this table, and a test compares the two.
 */
export const keys: readonly Key[] = [
  applied('hostnameOverride', 'node-name', 'name of the node to compile for; trimmed and in lower case'),
  applied('mode', 'mode', 'the backend, unless `--backend` names one; empty means iptables'),
  applied('bindAddress', 'address', "replaces the node's address of its family; never bound"),
  applied('clusterCIDR', 'cidr-pair', 'pod network, for `detectLocalMode: ClusterCIDR`; one or one per family'),
  applied(
    'detectLocalMode',
    'detect-local-mode',
    "how rules distinguish traffic of this node's pods from other traffic",
  ),
  applied('detectLocal.bridgeInterface', 'interface', 'for `detectLocalMode: BridgeInterface`'),
  applied('detectLocal.interfaceNamePrefix', 'interface', 'for `detectLocalMode: InterfaceNamePrefix`'),
  applied(
    'nodePortAddresses',
    'node-port-addresses',
    'networks whose local addresses answer on node ports, or `primary`',
  ),
  applied('iptables.masqueradeAll', 'boolean', 'every connection to a cluster IP is masqueraded; for IPVS too'),
  applied('iptables.masqueradeBit', 'bit', 'bit of the packet mark that means "masquerade"; for IPVS too'),
  applied('iptables.localhostNodePorts', 'boolean', 'node ports answer on 127.0.0.1', 'iptables'),
  applied(
    'iptables.counters',
    'boolean',
    "rules count in kube-proxy's two nfacct counters, where the machine can; kube-proxy has no such key and always counts",
    'iptables',
  ),
  applied('nftables.masqueradeAll', 'boolean', 'the same in nftables mode; unset means as for iptables', 'nftables'),
  applied('nftables.masqueradeBit', 'bit', 'the same in nftables mode; unset means as for iptables', 'nftables'),
  applied(
    'nftables.counters',
    'boolean',
    'rules count the connections to each endpoint, for `slicewright top`; kube-proxy has no such key',
    'nftables',
  ),
  applied('ipvs.scheduler', 'scheduler', 'scheduler of every virtual server; empty means rr', 'ipvs'),
  applied('ipvs.strictARP', 'boolean', 'ARP is not answered for addresses of kube-ipvs0', 'ipvs'),
  applied('ipvs.excludeCIDRs', 'cidrs', "other programs' virtual servers, which a clean-up leaves in place", 'ipvs'),
  applied('ipvs.tcpTimeout', 'duration', "idle TCP connections; 0 leaves the kernel's", 'ipvs'),
  applied('ipvs.tcpFinTimeout', 'duration', "TCP connections after a FIN; 0 leaves the kernel's", 'ipvs'),
  applied('ipvs.udpTimeout', 'duration', "idle UDP flows; 0 leaves the kernel's", 'ipvs'),
  applied(
    'conntrack.tcpBeLiberal',
    'boolean',
    'no rule drops packets of state INVALID, and the agent tells conntrack to be liberal',
  ),
  applied('featureGates', 'gates', '`ServiceTrafficDistribution` is applied; any other is named in a warning'),
  agent('clientConnection.kubeconfig', 'text', "the API server and its credentials; empty: the pod's service account"),
  agent(
    'healthzBindAddress',
    'text',
    'where `/healthz` and `/livez` are served; empty means `0.0.0.0:10256`, which is every address of both families',
  ),
  agent('metricsBindAddress', 'text', 'where `/metrics` and status are served; empty means `127.0.0.1:10249`'),
  agent('iptables.syncPeriod', 'duration', 'longest time between two readings of the kernel; 0 means 30s', 'iptables'),
  agent('iptables.minSyncPeriod', 'duration', 'shortest time between two syncs; unset means 1s', 'iptables'),
  agent('nftables.syncPeriod', 'duration', 'longest time between two readings of the kernel; 0 means 30s', 'nftables'),
  agent('nftables.minSyncPeriod', 'duration', 'shortest time between two syncs; unset means 1s', 'nftables'),
  agent('ipvs.syncPeriod', 'duration', 'longest time between two readings of the kernel; 0 means 30s', 'ipvs'),
  agent('ipvs.minSyncPeriod', 'duration', 'shortest time between two syncs', 'ipvs'),
  agent(
    'conntrack.maxPerCore',
    'count',
    "maximum of tracked connections per core; unset means 32768, 0 leaves the kernel's value",
  ),
  agent('conntrack.min', 'count', 'minimum of that limit for all cores together; unset means 131072'),
  agent('conntrack.tcpEstablishedTimeout', 'duration', "idle TCP connections; unset means 24h, 0 leaves the kernel's"),
  agent('conntrack.tcpCloseWaitTimeout', 'duration', "half-closed ones; unset means 1h, 0 leaves the kernel's"),
  agent('conntrack.udpTimeout', 'duration', "UDP flows without an answer; 0 leaves the kernel's"),
  agent('conntrack.udpStreamTimeout', 'duration', "UDP flows with answers; 0 leaves the kernel's"),
  agent('oomScoreAdj', 'integer', 'set if the agent has the privilege; unset leaves the value it was started with'),
  agent('logging.verbosity', 'count', '4 or higher logs more; `-v` overrides it'),
  ...inert(
    noTuning,
    ['clientConnection.acceptContentTypes', 'text'],
    ['clientConnection.contentType', 'text'],
    ['clientConnection.qps', 'number'],
    ['clientConnection.burst', 'count'],
  ),
  ...inert('the agent watches objects instead of listing them periodically', ['configSyncPeriod', 'duration']),
  ...inert('the agent retries a port that is in use; rules do not wait for it', ['bindAddressHardFail', 'boolean']),
  ...inert(noProfiling, ['enableProfiling', 'boolean'], ['showHiddenMetricsForVersion', 'text']),
  ...inert('messages go to standard error, see `--diagnostics`', ['logging.*', 'anything']),
  ...inert('only the removed userspace mode used it', ['portRange', 'text']),
  ...inert(
    noWindows,
    ['winkernel.networkName', 'text'],
    ['winkernel.sourceVip', 'text'],
    ['winkernel.enableDSR', 'boolean'],
    ['winkernel.rootHnsEndpointName', 'text'],
    ['winkernel.forwardHealthCheckVip', 'boolean'],
    ['windowsRunAsService', 'boolean'],
  ),
];
