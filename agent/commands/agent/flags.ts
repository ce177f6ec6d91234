import { InvalidArgumentError, Option } from 'commander';
import { keys } from '../../config/keys.ts';

/** The namespace of other clusters' Leases, unless the operator names another. */
export const defaultLeaseNamespace = 'slicewright-system';

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
  { flag: 'iptables-counters', path: 'iptables.counters', form: 'switch' },
  { flag: 'nftables-counters', path: 'nftables.counters', form: 'switch' },
  { flag: 'ipvs-scheduler', path: 'ipvs.scheduler', form: 'text' },
  { flag: 'ipvs-strict-arp', path: 'ipvs.strictARP', form: 'switch' },
  { flag: 'ipvs-exclude-cidrs', path: 'ipvs.excludeCIDRs', form: 'list' },
  { flag: 'ipvs-sync-period', path: 'ipvs.syncPeriod', form: 'text' },
  { flag: 'ipvs-min-sync-period', path: 'ipvs.minSyncPeriod', form: 'text' },
  { flag: 'ipvs-tcp-timeout', path: 'ipvs.tcpTimeout', form: 'text' },
  { flag: 'ipvs-tcpfin-timeout', path: 'ipvs.tcpFinTimeout', form: 'text' },
  { flag: 'ipvs-udp-timeout', path: 'ipvs.udpTimeout', form: 'text' },
  { flag: 'conntrack-max-per-core', path: 'conntrack.maxPerCore', form: 'number' },
  { flag: 'conntrack-min', path: 'conntrack.min', form: 'number' },
  { flag: 'conntrack-tcp-timeout-established', path: 'conntrack.tcpEstablishedTimeout', form: 'text' },
  { flag: 'conntrack-tcp-timeout-close-wait', path: 'conntrack.tcpCloseWaitTimeout', form: 'text' },
  { flag: 'conntrack-udp-timeout', path: 'conntrack.udpTimeout', form: 'text' },
  { flag: 'conntrack-udp-timeout-stream', path: 'conntrack.udpStreamTimeout', form: 'text' },
  { flag: 'conntrack-tcp-be-liberal', path: 'conntrack.tcpBeLiberal', form: 'switch' },
  { flag: 'oom-score-adj', path: 'oomScoreAdj', form: 'number' },
  { flag: 'feature-gates', path: 'featureGates', form: 'gates' },
  // Keys without effect; each has a text that says why.
  { flag: 'bind-address-hard-fail', path: 'bindAddressHardFail', form: 'switch' },
  { flag: 'config-sync-period', path: 'configSyncPeriod', form: 'text' },
  { flag: 'kube-api-burst', path: 'clientConnection.burst', form: 'number' },
  { flag: 'kube-api-content-type', path: 'clientConnection.contentType', form: 'text' },
  { flag: 'kube-api-qps', path: 'clientConnection.qps', form: 'number' },
  { flag: 'profiling', path: 'enableProfiling', form: 'switch' },
  { flag: 'proxy-port-range', path: 'portRange', form: 'text' },
  { flag: 'show-hidden-metrics-for-version', path: 'showHiddenMetricsForVersion', form: 'text' },
  { flag: 'log-flush-frequency', path: 'logging.flushFrequency', form: 'text' },
  { flag: 'log-json-info-buffer-size', path: 'logging.options.json.infoBufferSize', form: 'text' },
  { flag: 'log-json-split-stream', path: 'logging.options.json.splitStream', form: 'switch' },
  { flag: 'log-text-info-buffer-size', path: 'logging.options.text.infoBufferSize', form: 'text' },
  { flag: 'log-text-split-stream', path: 'logging.options.text.splitStream', form: 'switch' },
  { flag: 'logging-format', path: 'logging.format', form: 'text' },
  { flag: 'vmodule', path: 'logging.vmodule', form: 'list' },
];

/** Flags of keys without effect are accepted, and help does not list them. */
const isIdle = (path: string): boolean =>
  keys.some(
    (key) => key.effect.kind === 'inert' && (key.path === path || path.startsWith(key.path.replace(/\*$/, ''))),
  );

/** The name that commander gives a flag: `clusterCidr`. */
function optionName(flag: string): string {
  return new Option(`--${flag}`).attributeName();
}

export function configurationOptions(): Option[] {
  return flags.map(({ flag, path, form }) => {
    const argument = form === 'switch' ? '[true|false]' : '<value>';
    const option = new Option(`--${flag} ${argument}`, `${path} of the configuration, as for kube-proxy`);
    // A list given twice is joined; of any other flag the last value counts.
    if (form === 'list' || form === 'gates') {
      option.argParser((value: string, before?: string) => (before === undefined ? value : `${before},${value}`));
    }
    return option.hideHelp(isIdle(path));
  });
}

/** `--cleanup`, `--cleanup=false`, as Go takes its flags that are on or off. */
export function switchOption(flag: string, description: string): Option {
  return new Option(`--${flag} [true|false]`, description).argParser((text) => {
    const value = parseSwitch(text);
    if (value === undefined) throw new InvalidArgumentError('It is not true or false.');
    return value;
  });
}

/** source: Go, strconv.ParseBool */
function parseSwitch(text: string): boolean | undefined {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  return ['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text) ? false : undefined;
}

/** `-v 4`, `-v=4`: kube-proxy takes both. */
export function parseVerbosity(text: string): number {
  const level = text.replace(/^=/, '');
  if (!/^-?\d+$/.test(level)) throw new InvalidArgumentError('It is not a whole number.');
  return Number(level);
}

/** The command line with `--feature_gates` as `--feature-gates`: kube-proxy takes both. */
export function withHyphens(argv: readonly string[]): string[] {
  const at = argv.indexOf('agent');
  return argv.map((word, i) =>
    at >= 0 && i > at ? word.replace(/^--[a-z][a-z0-9_-]*/, (flag) => flag.replaceAll('_', '-')) : word,
  );
}

/** What was given on the command line, by commander's names. */
export type GivenFlags = Readonly<Record<string, unknown>>;

/** Flags that were given, by name. */
export function givenFlags(given: GivenFlags): string[] {
  return flags.filter(({ flag }) => given[optionName(flag)] !== undefined).map(({ flag }) => flag);
}

/**
 * The configuration file that is equal to the flags. Their values are checked like the file's:
 * a value that its key does not allow stays a text, and is rejected with its path.
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

/** Merges the second into the first; where both have a value, the second's counts. */
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
      return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
    case 'list':
      return text === '' ? [] : text.split(',').map((part) => part.trim());
    case 'switch':
      return parseSwitch(text) ?? text;
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
