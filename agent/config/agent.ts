import { type BindAddress, parseBindAddress } from '../serving/bind-address.ts';
import { type Report, show } from './report.ts';
import type { Get } from './settings.ts';
import { type BackendName, parseDurationSeconds, parseText } from './values.ts';

/** What only the agent heeds of a KubeProxyConfiguration, kube-proxy's defaults filled in. */
export interface AgentConfiguration {
  /** Path; undefined: the pod's service account. */
  readonly kubeconfig: string | undefined;
  readonly healthz: BindAddress;
  readonly metrics: BindAddress;
  readonly syncPeriodMs: number;
  readonly minSyncPeriodMs: number;
  /** Health is judged by this one in every mode, as kube-proxy does. */
  readonly iptablesSyncPeriodMs: number;
}

export const defaultHealthz: BindAddress = { host: '0.0.0.0', port: 10256 };
export const defaultMetrics: BindAddress = { host: '127.0.0.1', port: 10249 };
const defaultSyncPeriodMs = 30_000;
const defaultMinSyncPeriodMs: Readonly<Record<BackendName, number>> = { iptables: 1_000, ipvs: 0 };

export function agentConfigurationFrom(get: Get, backend: BackendName, report: Report): AgentConfiguration {
  const syncPeriodMs = (of: BackendName) => periodMs(get(`${of}.syncPeriod`)) || defaultSyncPeriodMs;
  return {
    kubeconfig: parseText(get('clientConnection.kubeconfig')),
    healthz: bindAddressAt(get, 'healthzBindAddress', defaultHealthz, report),
    metrics: bindAddressAt(get, 'metricsBindAddress', defaultMetrics, report),
    syncPeriodMs: syncPeriodMs(backend),
    minSyncPeriodMs: periodMs(get(`${backend}.minSyncPeriod`)) ?? defaultMinSyncPeriodMs[backend],
    iptablesSyncPeriodMs: syncPeriodMs('iptables'),
  };
}

function periodMs(value: unknown): number | undefined {
  const seconds = parseDurationSeconds(value);
  return seconds === undefined ? undefined : seconds * 1000;
}

/** An address alone gets the usual port, as kube-proxy does it. */
function bindAddressAt(get: Get, path: string, usual: BindAddress, report: Report): BindAddress {
  const value = get(path) ?? undefined;
  const text = parseText(value);
  if (value === undefined || text === undefined) return usual;
  const alone = text.includes(':') && !text.startsWith('[') && text.split(':').length > 2 ? `[${text}]` : text;
  const parsed = parseBindAddress(text) ?? parseBindAddress(`${alone}:${usual.port}`);
  if (parsed === undefined) report.error(path, `${show(text)} is not an address with a port such as 0.0.0.0:10256`);
  return parsed ?? usual;
}
