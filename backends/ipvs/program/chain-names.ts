/** Entered from filter INPUT for everything that comes to an address of a Service; iptables mode has no such chain. */
export const accessFilter = 'KUBE-IPVS-FILTER';

/** The chains of IPVS mode, in the order in which kube-proxy makes them (IPVS-6.1). */
export const ipvsChains: Readonly<Record<'nat' | 'filter', readonly string[]>> = {
  nat: ['KUBE-SERVICES', 'KUBE-POSTROUTING', 'KUBE-NODE-PORT', 'KUBE-LOAD-BALANCER', 'KUBE-MARK-MASQ'],
  filter: [
    'KUBE-FORWARD',
    'KUBE-NODE-PORT',
    'KUBE-PROXY-FIREWALL',
    'KUBE-SOURCE-RANGES-FIREWALL',
    accessFilter,
    'KUBE-IPVS-OUT-FILTER',
  ],
};
