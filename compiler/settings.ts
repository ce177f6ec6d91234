import type { Cidr, Family, IpAddress } from './values/address.ts';
import type { Brand } from './values/brand.ts';
import type { ClusterName } from './values/names.ts';

/** A network interface's name: 1 to 15 of letters, digits, `.`, `_`, `-`, `@`. */
export type InterfaceName = Brand<string, 'InterfaceName'>;

export function parseInterfaceName(value: unknown): InterfaceName | undefined {
  return typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9._@-]{0,14}$/.test(value)
    ? (value as InterfaceName)
    : undefined;
}

/**
 * The beginning of every name that slicewright makes in a kernel: kube-proxy's `KUBE`, so that the rules equal kube-
 * proxy's letter for letter, or a prefix of its own beside a running kube-proxy.
 */
export type ChainPrefix = Brand<string, 'ChainPrefix'>;

/** 2 to 5 upper-case letters and digits, a letter first: the longest names have no room for more (28 characters for a chain, 31 for a set). */
export function parseChainPrefix(value: unknown): ChainPrefix | undefined {
  return typeof value === 'string' && /^[A-Z][A-Z0-9]{1,4}$/.test(value) ? (value as ChainPrefix) : undefined;
}

function prefix(text: string): ChainPrefix {
  const parsed = parseChainPrefix(text);
  if (parsed === undefined) throw new Error(`${text} is not a prefix`);
  return parsed;
}

export const kubePrefix = prefix('KUBE');
/** The prefix of a proxy that serves only Services labelled for it, unless the operator chooses another one. */
export const ownPrefix = prefix('SLWR');

/** How traffic of this node's own pods is recognised (`detectLocalMode` of kube-proxy). */
export type DetectLocalMode = 'ClusterCIDR' | 'NodeCIDR' | 'BridgeInterface' | 'InterfaceNamePrefix';

/** Which of the node's addresses answer on node ports, for one family. */
export type NodePortAddresses =
  | { readonly kind: 'all' }
  /** The node's primary address of the family (`nodePortAddresses: [primary]`, kube-proxy 1.31). */
  | { readonly kind: 'primary' }
  | { readonly kind: 'within'; readonly cidrs: readonly Cidr[] };

export const ipvsSchedulers = ['rr', 'wrr', 'lc', 'wlc', 'sh', 'dh', 'mh', 'sed', 'nq', 'lblc', 'lblcr'] as const;
export type IpvsScheduler = (typeof ipvsSchedulers)[number];

/**
 * `kube-proxy`: produce exactly kube-proxy v1.30's rules, with no deliberate deviation (MR-46).
 * `none`: the newest kube-proxy's behaviour, with slicewright's merge rules.
 */
export type Compat = 'kube-proxy' | 'none';

/** What the operator chose. Already validated: a Settings value is complete and consistent. */
export interface Settings {
  readonly compat: Compat;
  /**
   * The `service.kubernetes.io/service-proxy-name` of the Services that are served; undefined: Services without that
   * label, as kube-proxy does.
   */
  readonly serviceProxyName: string | undefined;
  readonly chainPrefix: ChainPrefix;
  /** This cluster's id in the cluster set; undefined: found out from the objects (MR-17). */
  readonly ownCluster: ClusterName | undefined;
  readonly detectLocalMode: DetectLocalMode;
  readonly clusterCidrs: readonly Cidr[];
  readonly bridgeInterface: InterfaceName | undefined;
  /** Without the `+` that iptables adds. */
  readonly interfaceNamePrefix: InterfaceName | undefined;
  readonly masqueradeAll: boolean;
  /** 0 to 31. */
  readonly masqueradeBit: number;
  readonly localhostNodePorts: boolean;
  readonly nodePortAddresses: Readonly<Record<Family, NodePortAddresses>>;
  /** Overrides the node's address of its family; undefined when unspecified (0.0.0.0, ::). */
  readonly bindAddress: IpAddress | undefined;
  /** kube-proxy's `nf_conntrack_tcp_be_liberal` at start; true: the rules do not drop INVALID packets. */
  readonly conntrackTcpBeLiberal: boolean;
  /** Rules count connections to each endpoint, also where the backend leaves counting to choice. */
  readonly countsTraffic: boolean;
  /**
   * iptables mode counts what kube-proxy 1.31 counts in two accounting objects of the kernel: packets that are dropped
   * because conntrack calls them invalid, and connections to node ports on 127.0.0.1.
   */
  readonly packetCounters: boolean;
  /** Feature gates given by name, as kube-proxy knows them. */
  readonly featureGates: Readonly<Record<string, boolean>>;
  readonly ipvs: {
    readonly scheduler: IpvsScheduler;
    readonly strictArp: boolean;
    readonly excludeCidrs: readonly Cidr[];
    readonly tcpTimeoutSeconds: number;
    readonly tcpFinTimeoutSeconds: number;
    readonly udpTimeoutSeconds: number;
  };
}

/** kube-proxy v1.30's defaults. */
export const defaultSettings: Settings = {
  compat: 'none',
  serviceProxyName: undefined,
  chainPrefix: kubePrefix,
  ownCluster: undefined,
  detectLocalMode: 'ClusterCIDR',
  clusterCidrs: [],
  bridgeInterface: undefined,
  interfaceNamePrefix: undefined,
  masqueradeAll: false,
  masqueradeBit: 14,
  localhostNodePorts: true,
  nodePortAddresses: { IPv4: { kind: 'all' }, IPv6: { kind: 'all' } },
  bindAddress: undefined,
  conntrackTcpBeLiberal: false,
  countsTraffic: false,
  packetCounters: false,
  featureGates: {},
  ipvs: {
    scheduler: 'rr',
    strictArp: false,
    excludeCidrs: [],
    tcpTimeoutSeconds: 0,
    tcpFinTimeoutSeconds: 0,
    udpTimeoutSeconds: 0,
  },
};
