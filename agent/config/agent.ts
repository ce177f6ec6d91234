import { type BindAddress, parseBindAddress } from '../serving/bind-address.ts';
import { type Report, show } from './report.ts';
import type { Get } from './settings.ts';
import { parseBoolean, parseCount, parseDurationSeconds, parseInteger, parseText } from './values.ts';

/** The settings of conntrack to make at the start, in seconds; 0 keeps the kernel's value. */
export interface ConntrackConfiguration {
  /** 0: the limit is left as it is. */
  readonly maxPerCore: number;
  readonly min: number;
  readonly tcpEstablishedSeconds: number;
  readonly tcpCloseWaitSeconds: number;
  readonly udpSeconds: number;
  readonly udpStreamSeconds: number;
  readonly tcpBeLiberal: boolean;
}

/** The part of a KubeProxyConfiguration that only the agent uses, kube-proxy's defaults filled in. */
export interface AgentConfiguration {
  /** Path; undefined: the pod's service account. */
  readonly kubeconfig: string | undefined;
  readonly healthz: BindAddress;
  readonly metrics: BindAddress;
  readonly syncPeriodMs: number;
  readonly minSyncPeriodMs: number;
  /** Health is judged by this sync period in every mode, as kube-proxy does. */
  readonly iptablesSyncPeriodMs: number;
  readonly conntrack: ConntrackConfiguration;
  /** undefined: the score stays as the process was started. */
  readonly oomScoreAdj: number | undefined;
  /** kube-proxy's `-v`. */
  readonly verbosity: number;
}

export const defaultHealthz: BindAddress = { host: '0.0.0.0', port: 10256 };
export const defaultMetrics: BindAddress = { host: '127.0.0.1', port: 10249 };
const defaultSyncPeriodMs = 30_000;
const defaultMinSyncPeriodMs: Readonly<Record<string, number>> = { iptables: 1_000, nftables: 1_000 };

export function agentConfigurationFrom(get: Get, backend: string, report: Report): AgentConfiguration {
  const syncPeriodMs = (of: string) => periodMs(get(`${of}.syncPeriod`)) || defaultSyncPeriodMs;
  return {
    kubeconfig: parseText(get('clientConnection.kubeconfig')),
    healthz: bindAddressAt(get, 'healthzBindAddress', defaultHealthz, report),
    metrics: bindAddressAt(get, 'metricsBindAddress', defaultMetrics, report),
    syncPeriodMs: syncPeriodMs(backend),
    minSyncPeriodMs: periodMs(get(`${backend}.minSyncPeriod`)) ?? defaultMinSyncPeriodMs[backend] ?? 0,
    iptablesSyncPeriodMs: syncPeriodMs('iptables'),
    conntrack: conntrackFrom(get),
    oomScoreAdj: parseInteger(get('oomScoreAdj')),
    verbosity: parseCount(get('logging.verbosity')) ?? 0,
  };
}

/** Defaults only replace unset keys: 0 is a choice. */
function conntrackFrom(get: Get): ConntrackConfiguration {
  const seconds = (path: string, unset: number) => Math.floor(parseDurationSeconds(get(path)) ?? unset);
  return {
    maxPerCore: parseCount(get('conntrack.maxPerCore')) ?? 32_768,
    min: parseCount(get('conntrack.min')) ?? 131_072,
    tcpEstablishedSeconds: seconds('conntrack.tcpEstablishedTimeout', 86_400),
    tcpCloseWaitSeconds: seconds('conntrack.tcpCloseWaitTimeout', 3_600),
    udpSeconds: seconds('conntrack.udpTimeout', 0),
    udpStreamSeconds: seconds('conntrack.udpStreamTimeout', 0),
    tcpBeLiberal: parseBoolean(get('conntrack.tcpBeLiberal')) ?? false,
  };
}

function periodMs(value: unknown): number | undefined {
  const seconds = parseDurationSeconds(value);
  return seconds === undefined ? undefined : seconds * 1000;
}

function bindAddressAt(get: Get, path: string, usual: BindAddress, report: Report): BindAddress {
  const value = get(path) ?? undefined;
  const text = parseText(value);
  if (value === undefined || text === undefined) return usual;
  const parsed = parseAddressOrBind(text, usual.port);
  if (parsed === undefined) report.error(path, `${show(text)} is not an address with a port such as 0.0.0.0:10256`);
  return parsed ?? usual;
}

/** An address without a port gets the usual port, as in kube-proxy. An empty text is no address. */
export function parseAddressOrBind(text: string, usualPort: number): BindAddress | undefined {
  if (text === '') return undefined;
  const alone = text.includes(':') && !text.startsWith('[') && text.split(':').length > 2 ? `[${text}]` : text;
  return parseBindAddress(text) ?? parseBindAddress(`${alone}:${usualPort}`);
}
