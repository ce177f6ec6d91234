import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { formatDiagnostic } from '../../compiler/values/diagnostic.ts';
import { parseConfiguration } from '../config/config.ts';
import { keys } from '../config/keys.ts';
import { InputError } from '../input-error.ts';
import { configurationOptions, documentOfFlags, givenFlags, setFlags } from './agent-flags.ts';

/** The flags as commander gives them. */
function parse(...args: readonly string[]) {
  const command = new Command();
  for (const option of configurationOptions()) command.addOption(option);
  command.parse(args, { from: 'user' });
  return command.opts<Record<string, unknown>>();
}

function configure(...args: readonly string[]) {
  const choices = { compat: 'none', backend: undefined, forAgent: true } as const;
  return parseConfiguration(documentOfFlags(parse(...args)), 'of the command line', choices);
}

/** What is wrong with a flag, in words. */
function problemsOf(flag: string): string {
  try {
    configure(flag);
  } catch (error) {
    if (error instanceof InputError) return error.diagnostics.map(formatDiagnostic).join();
    throw error;
  }
  return '';
}

describe("kube-proxy's flags", () => {
  it('mean what the keys of its configuration mean', () => {
    const { settings, agent, backend, nodeName, diagnostics } = configure(
      ...['--proxy-mode=ipvs', '--cluster-cidr=10.1.0.0/16', '--hostname-override=Node-1', '--kubeconfig=/k.conf'],
      ...['--nodeport-addresses=192.168.0.0/16,10.0.0.0/8', '--masquerade-all', '--iptables-masquerade-bit=15'],
      ...['--ipvs-scheduler=wrr', '--ipvs-strict-arp=true', '--ipvs-sync-period=10s', '--ipvs-min-sync-period=250ms'],
      ...['--healthz-bind-address=127.0.0.1', '--metrics-bind-address=0.0.0.0:9999'],
      '--feature-gates=ServiceTrafficDistribution=true',
    );
    expect({ backend, nodeName }).toEqual({ backend: 'ipvs', nodeName: 'node-1' });
    expect(settings).toMatchObject({
      clusterCidrs: ['10.1.0.0/16'],
      masqueradeAll: true,
      masqueradeBit: 15,
      nodePortAddresses: { IPv4: { kind: 'within', cidrs: ['192.168.0.0/16', '10.0.0.0/8'] } },
      ipvs: { scheduler: 'wrr', strictArp: true },
      featureGates: { ServiceTrafficDistribution: true },
    });
    expect(agent).toEqual({
      kubeconfig: '/k.conf',
      healthz: { host: '127.0.0.1', port: 10256 },
      metrics: { host: '0.0.0.0', port: 9999 },
      syncPeriodMs: 10_000,
      minSyncPeriodMs: 250,
      iptablesSyncPeriodMs: 30_000,
    });
    expect(diagnostics).toEqual([]);
  });

  it('stand for keys that there are', () => {
    const given = Object.fromEntries(configurationOptions().map((option) => [option.attributeName(), 'x']));
    const leaves = (value: unknown, path: string): string[] =>
      typeof value === 'object' && value !== null
        ? Object.entries(value).flatMap(([key, below]) => leaves(below, path === '' ? key : `${path}.${key}`))
        : [path];
    const { featureGates: _gates, nodePortAddresses: _lists, ipvs, ...document } = documentOfFlags(given);
    const { excludeCIDRs: _more, ...plain } = ipvs as Record<string, unknown>;
    const known = new Set(keys.map(({ path }) => path));
    const paths = leaves({ ...document, ipvs: plain }, '').filter((path) => path !== 'apiVersion' && path !== 'kind');
    expect(paths.length).toBeGreaterThan(20);
    expect(paths.filter((path) => !known.has(path))).toEqual([]);
  });

  it.each([
    ['--iptables-masquerade-bit=many', /iptables\.masqueradeBit: "many" is not/],
    ['--masquerade-all=perhaps', /iptables\.masqueradeAll: "perhaps" is not/],
    ['--metrics-bind-address=somewhere', /metricsBindAddress: "somewhere" is not an address with a port/],
    ['--iptables-sync-period=soon', /iptables\.syncPeriod: "soon" is not/],
  ])('%s is refused, with the key that it stands for', (flag, says) => {
    expect(problemsOf(flag)).toMatch(says);
  });

  it('count beside a file only as far as they are let', () => {
    const flags = parse('--hostname-override=n1', '--cluster-cidr=10.1.0.0/16');
    const file = { kind: 'KubeProxyConfiguration', clusterCIDR: '10.2.0.0/16' };
    expect(setFlags(file, flags, ['hostname-override'])).toEqual({ ...file, hostnameOverride: 'n1' });
    expect(givenFlags(flags)).toEqual(['cluster-cidr', 'hostname-override']);
  });
});

it('without flags the agent has the defaults of kube-proxy', () => {
  expect(configure().agent).toEqual({
    kubeconfig: undefined,
    healthz: { host: '0.0.0.0', port: 10256 },
    metrics: { host: '127.0.0.1', port: 10249 },
    syncPeriodMs: 30_000,
    minSyncPeriodMs: 1_000,
    iptablesSyncPeriodMs: 30_000,
  });
});
