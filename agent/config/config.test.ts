import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultSettings } from '../../compiler/settings.ts';
import { formatDiagnostic } from '../../compiler/values/diagnostic.ts';
import { InputError } from '../input/input-error.ts';
import { parseAddressOrBind } from './agent.ts';
import { type Choices, type Configuration, defaultConfiguration, parseConfiguration } from './config.ts';
import { keys } from './keys.ts';
import { nearestPath } from './nearest.ts';
import { parseDurationSeconds } from './values.ts';

const plain: Choices = { compat: 'none', backend: undefined };

function configure(body: object, choices: Choices = plain): Configuration {
  const type = { apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration' };
  return parseConfiguration({ ...type, ...body }, 'kp.yaml', choices);
}

function problemsOf(body: object, choices: Choices = plain): string[] {
  try {
    configure(body, choices);
  } catch (error) {
    if (error instanceof InputError) {
      return error.diagnostics.map((diagnostic) =>
        formatDiagnostic(diagnostic).replace('KubeProxyConfiguration kp.yaml ', ''),
      );
    }
    throw error;
  }
  return [];
}

const notesOf = (body: object, choices: Choices = plain) =>
  configure(body, choices).diagnostics.map((diagnostic) =>
    formatDiagnostic(diagnostic).replace('KubeProxyConfiguration kp.yaml ', ''),
  );

/** What kubeadm writes: every key, most with Go's zero value. */
const complete = {
  bindAddress: '0.0.0.0',
  bindAddressHardFail: false,
  clientConnection: { acceptContentTypes: '', burst: 0, contentType: '', kubeconfig: '/k.conf', qps: 0 },
  clusterCIDR: '10.244.0.0/16',
  configSyncPeriod: '0s',
  conntrack: { maxPerCore: null, min: null, tcpBeLiberal: false, tcpCloseWaitTimeout: null, udpTimeout: '0s' },
  detectLocal: { bridgeInterface: '', interfaceNamePrefix: '' },
  detectLocalMode: '',
  enableProfiling: false,
  healthzBindAddress: '',
  hostnameOverride: '',
  iptables: {
    localhostNodePorts: null,
    masqueradeAll: false,
    masqueradeBit: null,
    minSyncPeriod: '0s',
    syncPeriod: '0s',
  },
  ipvs: {
    excludeCIDRs: null,
    minSyncPeriod: '0s',
    scheduler: '',
    strictARP: false,
    syncPeriod: '0s',
    tcpTimeout: '0s',
  },
  logging: { flushFrequency: 0, options: { json: {} }, verbosity: 0 },
  metricsBindAddress: '',
  mode: '',
  nftables: { masqueradeAll: false, masqueradeBit: null },
  nodePortAddresses: null,
  oomScoreAdj: null,
  portRange: '',
  showHiddenMetricsForVersion: '',
  winkernel: { enableDSR: false, sourceVip: '' },
};

describe('parseConfiguration', () => {
  it("takes a complete file of zero values as kube-proxy's defaults, naming only what has no effect", () => {
    const { settings, backend, nodeName, diagnostics } = configure(complete);
    expect(settings).toEqual({ ...defaultSettings, clusterCidrs: ['10.244.0.0/16'] });
    expect([backend, nodeName]).toEqual(['iptables', undefined]);
    expect(diagnostics.map(formatDiagnostic)).toEqual([
      'info: KubeProxyConfiguration kp.yaml clientConnection.kubeconfig: "/k.conf" has no effect on a command that runs once, only on the agent',
    ]);
  });

  it('applies every key that changes rules', () => {
    const { settings, nodeName } = configure({
      hostnameOverride: ' Node-1 ',
      bindAddress: '192.0.2.7',
      clusterCIDR: '10.1.2.3/16, fd00:1::/64',
      detectLocalMode: 'BridgeInterface',
      detectLocal: { bridgeInterface: 'cni0' },
      nodePortAddresses: ['192.168.0.0/16', '::/0'],
      iptables: { masqueradeAll: true, masqueradeBit: 0, localhostNodePorts: false },
      conntrack: { tcpBeLiberal: true },
      featureGates: { ServiceTrafficDistribution: true },
      ipvs: {
        scheduler: 'mh',
        strictARP: true,
        excludeCIDRs: ['203.0.113.0/24'],
        tcpTimeout: '15m0s',
        udpTimeout: '1.5s',
      },
    });
    expect(nodeName).toBe('node-1');
    expect(settings).toEqual({
      ...defaultSettings,
      detectLocalMode: 'BridgeInterface',
      clusterCidrs: ['10.1.0.0/16', 'fd00:1::/64'],
      bridgeInterface: 'cni0',
      interfaceNamePrefix: undefined,
      masqueradeAll: true,
      masqueradeBit: 0,
      localhostNodePorts: false,
      nodePortAddresses: { IPv4: { kind: 'within', cidrs: ['192.168.0.0/16'] }, IPv6: { kind: 'all' } },
      bindAddress: '192.0.2.7',
      conntrackTcpBeLiberal: true,
      featureGates: { ServiceTrafficDistribution: true },
      ipvs: {
        scheduler: 'mh',
        strictArp: true,
        excludeCidrs: ['203.0.113.0/24'],
        tcpTimeoutSeconds: 900,
        tcpFinTimeoutSeconds: 0,
        udpTimeoutSeconds: 1,
      },
    });
  });

  it('takes an unspecified bind address for none', () => {
    expect(configure({ bindAddress: '::' }).settings.bindAddress).toBeUndefined();
  });

  it('sees 0.0.0.0/0 as all addresses and another network of length 0 as a network', () => {
    const addresses = (...nodePortAddresses: string[]) => configure({ nodePortAddresses }).settings.nodePortAddresses;
    expect(addresses('10.0.0.0/8', '0.0.0.0/0').IPv4).toEqual({ kind: 'all' });
    expect(addresses('1.2.3.4/0').IPv4).toEqual({ kind: 'within', cidrs: ['0.0.0.0/0'] });
    expect(addresses('10.0.0.0/8').IPv6).toEqual({ kind: 'all' });
  });

  it('knows "primary" alone, and not where kube-proxy v1.30 is asked for', () => {
    expect(configure({ nodePortAddresses: ['primary'] }).settings.nodePortAddresses.IPv6).toEqual({ kind: 'primary' });
    expect(problemsOf({ nodePortAddresses: ['primary', '10.0.0.0/8'] })).toHaveLength(1);
    expect(problemsOf({ nodePortAddresses: ['primary'] }, { ...plain, compat: 'kube-proxy' })).toEqual([
      'error: nodePortAddresses: kube-proxy v1.30 does not know "primary"; leave out --compat or name networks',
    ]);
  });

  it('lets --backend win over mode, and says so', () => {
    expect(configure({ mode: 'ipvs' }).backend).toBe('ipvs');
    expect(configure({ mode: 'nftables' }).backend).toBe('nftables');
    expect(defaultConfiguration(plain).backend).toBe('iptables');
    expect(configure({ mode: 'ipvs' }, { ...plain, backend: 'iptables' }).backend).toBe('iptables');
    expect(notesOf({ mode: 'ipvs' }, { ...plain, backend: 'iptables' })).toEqual([
      'info: mode: --backend iptables overrides mode: ipvs',
    ]);
  });

  it("takes nftables mode's own section in that mode, and iptables mode's where it says nothing", () => {
    const iptables = { masqueradeAll: true, masqueradeBit: 9 };
    const inMode = (mode: string, nftables?: object) =>
      configure({ mode, iptables, ...(nftables === undefined ? {} : { nftables }) }).settings;
    expect(inMode('nftables', { masqueradeAll: false, masqueradeBit: 7 })).toMatchObject({
      masqueradeAll: false,
      masqueradeBit: 7,
    });
    expect(inMode('nftables')).toMatchObject(iptables);
    expect(inMode('iptables', { masqueradeAll: false, masqueradeBit: 7 })).toMatchObject(iptables);
  });

  it('names what belongs to the other mode, or to another way of telling local traffic', () => {
    expect(notesOf({ ipvs: { scheduler: 'lc' }, detectLocalMode: 'NodeCIDR', clusterCIDR: '10.1.0.0/16' })).toEqual([
      'info: clusterCIDR: has no effect with detectLocalMode NodeCIDR',
      'info: ipvs.scheduler: "lc" has no effect with the iptables backend, only with ipvs',
    ]);
  });

  it('says that a cluster CIDR of every address detects nothing', () => {
    expect(notesOf({ clusterCIDR: '0.0.0.0/0' })).toEqual([
      'warning: clusterCIDR: 0.0.0.0/0 contains every address, so it cannot distinguish pods from other clients',
    ]);
  });

  it('names feature gates that nothing depends on, and everything under logging', () => {
    expect(notesOf({ featureGates: { NFTablesProxyMode: false }, logging: { format: 'json' } })).toEqual([
      'warning: featureGates.NFTablesProxyMode: has no effect: slicewright does not use it',
      'warning: logging.format: "json" has no effect: messages go to standard error, see `--diagnostics`',
    ]);
  });

  it.each([
    [{ iptables: { masqueradeBit: 32 } }, 'iptables.masqueradeBit: 32 is not a whole number from 0 to 31'],
    [{ iptables: { masqueradeAll: 'yes' } }, 'iptables.masqueradeAll: "yes" is not true or false'],
    [{ iptables: { masqueradeAll: '' } }, 'iptables.masqueradeAll: "" is not true or false'],
    [{ iptables: 14 }, 'iptables: 14 is not a mapping of keys to values'],
    [{ iptables: { syncPeriod: '30' } }, 'iptables.syncPeriod: "30" is not a duration such as "30s" or "1h15m"'],
    [{ mode: 'userspace' }, 'mode: "userspace" is not one of iptables, ipvs, nftables'],
    [
      { clusterCIDR: '10.1.0.0/16,10.2.0.0/16' },
      'clusterCIDR: "10.1.0.0/16,10.2.0.0/16" is not a network such as 10.1.0.0/16, or one of each family joined by a comma',
    ],
    [{ bindAddress: '010.0.0.1' }, 'bindAddress: "010.0.0.1" is not an IPv4 or IPv6 address'],
    [
      { detectLocalMode: 'BridgeInterface' },
      'detectLocal.bridgeInterface: is missing; detectLocalMode BridgeInterface needs it',
    ],
    [
      { detectLocal: { interfaceNamePrefix: 'a b' } },
      'detectLocal.interfaceNamePrefix: "a b" is not the name of a network interface (1 to 15 characters)',
    ],
    [{ hostnameOverride: 'a\n-j' }, 'hostnameOverride: "a\\n-j" is not a node\'s name'],
    [
      { featureGates: { 'a\u202eb': true } },
      'featureGates: {"a\\u{202e}b":true} is not a mapping of feature names to true or false',
    ],
    [
      { iptables: { masquradeAll: true } },
      'iptables.masquradeAll: there is no such key; did you mean iptables.masqueradeAll?',
    ],
    [{ masqueradeBit: 14 }, 'masqueradeBit: there is no such key; did you mean iptables.masqueradeBit?'],
    [{ loggings: 1 }, 'loggings: there is no such key; did you mean logging?'],
    [{ 'x\ny': 1 }, 'x\\u{a}y: there is no such key'],
    [{ kind: 'ConfigMap' }, 'kind: "ConfigMap" is not KubeProxyConfiguration'],
    [{ apiVersion: 'v1' }, 'apiVersion: "v1" is not kubeproxy.config.k8s.io/v1alpha1'],
  ])('refuses %j', (body, problem) => {
    expect(problemsOf(body)).toContain(`error: ${problem}`);
  });

  it('reports every mistake at once', () => {
    expect(problemsOf({ modee: 'x', iptables: { masqueradeBit: -1 }, ipvs: { scheduler: 'zz' } })).toHaveLength(3);
  });

  it('refuses or names any value of any key, and never ends otherwise', () => {
    fc.assert(
      fc.property(fc.constantFrom(...keys), fc.jsonValue(), ({ path }, value) => {
        const [section = '', name] = path.split('.');
        const body = name === undefined ? { [section]: value } : { [section]: { [name]: value } };
        expect(() => problemsOf(body)).not.toThrow();
      }),
      { numRuns: 1000 },
    );
  });
});

describe('values', () => {
  it.each([
    ['1h15m30.5s', 4530.5],
    ['250ms', 0.25],
    ['0', 0],
    ['0s', 0],
    ['-1s', undefined],
    ['5', undefined],
    ['5s ', undefined],
    [5, undefined],
  ])('reads the duration %j as Go does', (text, seconds) => {
    expect(parseDurationSeconds(text)).toEqual(seconds);
  });

  it.each([
    ['192.0.2.1', { host: '192.0.2.1', port: 10249 }],
    ['192.0.2.1:80', { host: '192.0.2.1', port: 80 }],
    ['fd00::1', { host: 'fd00::1', port: 10249 }],
    ['[fd00::1]:80', { host: 'fd00::1', port: 80 }],
    [':80', { host: '0.0.0.0', port: 80 }],
    ['10249', undefined],
    ['', undefined],
    ['node.example', undefined],
    ['192.0.2.1:99999', undefined],
  ])('reads %j as the address of a server', (text, bind) => {
    expect(parseAddressOrBind(text, 10249)).toEqual(bind);
  });

  it('suggests nothing where nothing is near', () => {
    expect(nearestPath('somethingElseEntirely', ['mode', 'clusterCIDR'])).toBeUndefined();
    expect(nearestPath('clustercidr', ['mode', 'clusterCIDR'])).toBe('clusterCIDR');
  });
});

describe('docs/configuration.md', () => {
  it('shows every key with its effect, as the table of the code has them', () => {
    const rows = keys.map(({ path, effect, meaning }) => {
      const words = { inert: 'no effect', agent: 'agent', applied: 'applied' } as const;
      const backend = effect.kind === 'inert' || effect.backend === undefined ? '' : ` (${effect.backend})`;
      const word = `${words[effect.kind]}${backend}`;
      return `| \`${path}\` | ${word} | ${meaning} |`;
    });
    const documented = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    expect(documented).toEqual(rows);
  });
});
