import { Option } from 'commander';

/** How a flag's text becomes the value of its key. */
type Form = 'text' | 'number' | 'list' | 'switch' | 'gates';

interface Flag {
  /** kube-proxy's name for it. */
  readonly flag: string;
  readonly path: string;
  readonly form: Form;
}

/** kube-proxy's flags that stand for a key of its configuration file, which says what they mean. */
const flags: readonly Flag[] = [
  { flag: 'proxy-mode', path: 'mode', form: 'text' },
  { flag: 'cluster-cidr', path: 'clusterCIDR', form: 'text' },
  { flag: 'hostname-override', path: 'hostnameOverride', form: 'text' },
  { flag: 'kubeconfig', path: 'clientConnection.kubeconfig', form: 'text' },
  { flag: 'bind-address', path: 'bindAddress', form: 'text' },
  { flag: 'healthz-bind-address', path: 'healthzBindAddress', form: 'text' },
  { flag: 'metrics-bind-address', path: 'metricsBindAddress', form: 'text' },
  { flag: 'nodeport-addresses', path: 'nodePortAddresses', form: 'list' },
  { flag: 'detect-local-mode', path: 'detectLocalMode', form: 'text' },
  { flag: 'pod-bridge-interface', path: 'detectLocal.bridgeInterface', form: 'text' },
  { flag: 'pod-interface-name-prefix', path: 'detectLocal.interfaceNamePrefix', form: 'text' },
  { flag: 'masquerade-all', path: 'iptables.masqueradeAll', form: 'switch' },
  { flag: 'iptables-masquerade-bit', path: 'iptables.masqueradeBit', form: 'number' },
  { flag: 'iptables-localhost-nodeports', path: 'iptables.localhostNodePorts', form: 'switch' },
  { flag: 'iptables-sync-period', path: 'iptables.syncPeriod', form: 'text' },
  { flag: 'iptables-min-sync-period', path: 'iptables.minSyncPeriod', form: 'text' },
  { flag: 'ipvs-scheduler', path: 'ipvs.scheduler', form: 'text' },
  { flag: 'ipvs-strict-arp', path: 'ipvs.strictARP', form: 'switch' },
  { flag: 'ipvs-exclude-cidrs', path: 'ipvs.excludeCIDRs', form: 'list' },
  { flag: 'ipvs-sync-period', path: 'ipvs.syncPeriod', form: 'text' },
  { flag: 'ipvs-min-sync-period', path: 'ipvs.minSyncPeriod', form: 'text' },
  { flag: 'ipvs-tcp-timeout', path: 'ipvs.tcpTimeout', form: 'text' },
  { flag: 'ipvs-tcpfin-timeout', path: 'ipvs.tcpFinTimeout', form: 'text' },
  { flag: 'ipvs-udp-timeout', path: 'ipvs.udpTimeout', form: 'text' },
  { flag: 'conntrack-tcp-be-liberal', path: 'conntrack.tcpBeLiberal', form: 'switch' },
  { flag: 'feature-gates', path: 'featureGates', form: 'gates' },
];

/** The name that commander gives a flag: `clusterCidr`. */
function optionName(flag: string): string {
  return new Option(`--${flag}`).attributeName();
}

export function configurationOptions(): Option[] {
  return flags.map(({ flag, path, form }) => {
    const argument = form === 'switch' ? '[true|false]' : '<value>';
    return new Option(`--${flag} ${argument}`, `${path} of the configuration, as for kube-proxy`);
  });
}

/** What was given on the command line, by commander's names. */
export type GivenFlags = Readonly<Record<string, unknown>>;

/** Flags that were given, by name. */
export function givenFlags(given: GivenFlags): string[] {
  return flags.filter(({ flag }) => given[optionName(flag)] !== undefined).map(({ flag }) => flag);
}

/**
 * The configuration file that says what the flags say. Their values are judged with the file's:
 * what is not a value of its key stays a text, and is refused with its path.
 */
export function documentOfFlags(given: GivenFlags, only?: readonly string[]): Record<string, unknown> {
  const document: Record<string, unknown> = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
  };
  for (const { flag, path, form } of flags) {
    const value = given[optionName(flag)];
    if (value === undefined || only?.includes(flag) === false) continue;
    setAt(document, path.split('.'), valueOf(value, form));
  }
  return document;
}

/** Puts what the second says on top of the first. */
export function setFlags(document: unknown, given: GivenFlags, only: readonly string[]): unknown {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return document;
  const { apiVersion: _version, kind: _kind, ...over } = documentOfFlags(given, only);
  return { ...document, ...over };
}

function setAt(document: Record<string, unknown>, [key = '', ...below]: readonly string[], value: unknown): void {
  if (below.length === 0) {
    document[key] = value;
    return;
  }
  const section = (document[key] ?? {}) as Record<string, unknown>;
  document[key] = section;
  setAt(section, below, value);
}

function valueOf(value: unknown, form: Form): unknown {
  const text = String(value);
  switch (form) {
    case 'text':
      return text;
    case 'number':
      return /^\d+$/.test(text) ? Number(text) : text;
    case 'list':
      return text === '' ? [] : text.split(',').map((part) => part.trim());
    case 'switch':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'gates':
      return Object.fromEntries(
        text
          .split(',')
          .filter((part) => part !== '')
          .map((part) => part.split('=', 2))
          .map(([name = '', on = '']) => [name.trim(), valueOf(on.trim(), 'switch')]),
      );
  }
}
