import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { formatDiagnostic } from '../../../compiler/values/diagnostic.ts';
import { parseConfiguration } from '../../config/config.ts';
import { keys } from '../../config/keys.ts';
import { InputError } from '../../input/input-error.ts';
import { readConfiguration } from './configuration.ts';
import {
  configurationOptions,
  documentOfFlags,
  givenFlags,
  parseVerbosity,
  setFlags,
  switchOption,
  withHyphens,
} from './flags.ts';
import { idleOptions } from './idle-flags.ts';
import { portOptions } from './port-flags.ts';

/** The flags as commander gives them. */
function parse(...args: readonly string[]) {
  const command = new Command();
  for (const option of [...configurationOptions(), ...portOptions(), ...idleOptions()]) command.addOption(option);
  command.parse(args, { from: 'user' });
  return command.opts<Record<string, unknown>>();
}

function configure(...args: readonly string[]) {
  const choices = { compat: 'none', backend: undefined, forAgent: true } as const;
  return parseConfiguration(documentOfFlags(parse(...args)), 'of the command line', choices);
}

/** The problem with a flag, in words. */
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
      conntrack: conntrackDefaults,
      oomScoreAdj: undefined,
      verbosity: 0,
    });
    expect(diagnostics).toEqual([]);
  });

  it('stand for keys that there are', () => {
    const given = Object.fromEntries(configurationOptions().map((option) => [option.attributeName(), 'x']));
    const leaves = (value: unknown, path: string): string[] =>
      typeof value === 'object' && value !== null
        ? Object.entries(value).flatMap(([key, below]) => leaves(below, path === '' ? key : `${path}.${key}`))
        : [path];
    const {
      featureGates: _gates,
      nodePortAddresses: _lists,
      logging: _any,
      ipvs,
      ...document
    } = documentOfFlags(given);
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
    conntrack: conntrackDefaults,
    oomScoreAdj: undefined,
    verbosity: 0,
  });
});

/** The diagnostics of a command line, warnings and errors. */
async function saidOf(...args: readonly string[]): Promise<string[]> {
  const { configuration } = await readConfiguration(undefined, parse(...args), () => Promise.reject(new Error()));
  return configuration.diagnostics.map(formatDiagnostic);
}

describe("what stands in people's DaemonSets", () => {
  it('tunes conntrack', () => {
    const { agent, settings } = configure(
      ...['--conntrack-max-per-core=0', '--conntrack-min=1', '--conntrack-tcp-timeout-established=2h'],
      ...[
        '--conntrack-tcp-timeout-close-wait=0',
        '--conntrack-udp-timeout=1m30s',
        '--conntrack-udp-timeout-stream=.5m',
      ],
      ...['--conntrack-tcp-be-liberal', '--oom-score-adj=-999'],
    );
    expect(agent).toMatchObject({
      conntrack: {
        ...{ maxPerCore: 0, min: 1, tcpEstablishedSeconds: 7200, tcpCloseWaitSeconds: 0 },
        ...{ udpSeconds: 90, udpStreamSeconds: 30, tcpBeLiberal: true },
      },
      oomScoreAdj: -999,
    });
    expect(settings.conntrackTcpBeLiberal).toBe(true);
  });

  it.each([
    ['--bind-address-hard-fail', /bindAddressHardFail: true has no effect: the agent retries a port/],
    ['--config-sync-period=15m', /configSyncPeriod: "15m" has no effect/],
    ['--kube-api-burst=10', /clientConnection\.burst: 10 has no effect/],
    ['--kube-api-qps=5.5', /clientConnection\.qps: 5\.5 has no effect/],
    ['--kube-api-content-type=application/json', /clientConnection\.contentType: .* has no effect/],
    ['--profiling=true', /enableProfiling: true has no effect/],
    ['--show-hidden-metrics-for-version=1.29', /showHiddenMetricsForVersion: "1\.29" has no effect/],
    ['--proxy-port-range=1-2', /portRange: "1-2" has no effect/],
    ['--logging-format=json', /logging\.format: "json" has no effect/],
    ['--log-flush-frequency=5s', /logging\.flushFrequency: "5s" has no effect/],
    ['--log-json-split-stream', /logging\.options: .*splitStream.* has no effect/],
    ['--vmodule=iptables=4', /logging\.vmodule: \["iptables=4"\] has no effect/],
    ['--alsologtostderr', /flag --alsologtostderr: has no effect: messages go to standard error/],
    ['--logtostderr=true', /flag --logtostderr: has no effect/],
    ['--stderrthreshold=2', /flag --stderrthreshold: has no effect/],
    ['--cleanup-ipvs=true', /flag --cleanup-ipvs: has no effect/],
    ['--healthz-port=10256', /flag --healthz-port: is deprecated; set address and port with --healthz-bind-address/],
  ])('takes %s, with one warning that says why', async (flag, says) => {
    expect(await saidOf(flag)).toEqual([expect.stringMatching(says)]);
  });

  it('switches, as Go reads them', () => {
    const masqueradeAll = (...args: readonly string[]) => configure(...args).settings.masqueradeAll;
    expect(
      ['--masquerade-all', '--masquerade-all=true', '--masquerade-all=T', '--masquerade-all=1'].map((flag) =>
        masqueradeAll(flag),
      ),
    ).toEqual([true, true, true, true]);
    expect(['--masquerade-all=false', '--masquerade-all=0'].map((flag) => masqueradeAll(flag))).toEqual([false, false]);
    const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
    command.addOption(switchOption('cleanup', ''));
    expect(command.parse(['--cleanup=False'], { from: 'user' }).opts()).toEqual({ cleanup: false });
    expect(() => command.parse(['--cleanup=maybe'], { from: 'user' })).toThrow(/not true or false/);
  });

  it('lists and gates go on where a flag is given twice', () => {
    const { settings } = configure(
      ...['--nodeport-addresses=10.0.0.0/8', '--nodeport-addresses=192.168.0.0/16'],
      ...['--feature-gates=ServiceTrafficDistribution=true', '--feature-gates=Other=false'],
    );
    expect(settings.nodePortAddresses.IPv4).toEqual({ kind: 'within', cidrs: ['10.0.0.0/8', '192.168.0.0/16'] });
    expect(settings.featureGates).toEqual({ ServiceTrafficDistribution: true, Other: false });
  });

  it('underscores for hyphens, in names only', () => {
    const words = ['node', 'slicewright', 'agent', '--cluster_cidr=a_b', '--log_dir', 'x_y', '-v=2'];
    expect(withHyphens(words)).toEqual([
      ...['node', 'slicewright', 'agent', '--cluster-cidr=a_b', '--log-dir', 'x_y', '-v=2'],
    ]);
    expect(withHyphens(['node', 'slicewright', 'plan', '--take_over'])).toContain('--take_over');
  });

  it('-v in each of its forms', () => {
    expect([parseVerbosity('4'), parseVerbosity('=4')]).toEqual([4, 4]);
    expect(() => parseVerbosity('much')).toThrow(/not a whole number/);
  });

  it.each([
    [['--healthz-port=1'], { host: '0.0.0.0', port: 1 }, false],
    [['--healthz-port=1', '--healthz-bind-address=10.0.0.1'], { host: '10.0.0.1', port: 1 }, false],
    [['--healthz-port=1', '--healthz-bind-address=fd00::1'], { host: 'fd00::1', port: 1 }, false],
    [['--healthz-port=1', '--healthz-bind-address=10.0.0.1:2'], { host: '10.0.0.1', port: 2 }, false],
    [['--healthz-port=0'], { host: '0.0.0.0', port: 10256 }, true],
    [['--healthz-bind-address='], { host: '0.0.0.0', port: 10256 }, true],
  ])('the port of %j', async (args, healthz, isOff) => {
    const { configuration, off } = await readConfiguration(undefined, parse(...args), () =>
      Promise.reject(new Error()),
    );
    expect([configuration.agent.healthz, off.healthz]).toEqual([healthz, isOff]);
  });
});

const conntrackDefaults = {
  maxPerCore: 32_768,
  min: 131_072,
  tcpEstablishedSeconds: 86_400,
  tcpCloseWaitSeconds: 3_600,
  udpSeconds: 0,
  udpStreamSeconds: 0,
  tcpBeLiberal: false,
};
