import { describe, expect, it } from 'vitest';
import { knownDifferences } from '../../agent/audit/known.ts';
import { backendNames } from '../../backends/index.ts';
import { caseNames } from '../conformance/cases.ts';
import { auditCase, findingsIn, recordOf, records } from './dumps.ts';

const modes = Object.keys(records);

it('knows every mode', () => expect(modes).toEqual(backendNames()));

/** What real kube-proxies do otherwise than slicewright, in cases of the conformance data. */
const met: Readonly<Record<string, readonly string[]>> = {
  iptables: ['endpoints-1.30'],
  ipvs: [
    'any-source-range',
    'endpoints-1.30',
    'hairpin-elsewhere',
    'ipvs-health-check-port',
    'ipvs-local-elsewhere',
    'ipvs-own-address-kept',
  ],
  nftables: ['endpoints-1.30', 'hairpin-elsewhere', 'health-check-port', 'unused-cluster-ips'],
};

describe.each(modes)('what a real kube-proxy did in %s mode', (mode) => {
  const seen = new Set<string>();
  const names = caseNames.filter((name) => recordOf(mode, name).size > 0);

  it.each(names)(
    'in %s is as meant, or a difference that has a code',
    async (name) => {
      const { status, families, err } = await auditCase(mode, name);
      expect(
        families.map((one) => one.mode),
        err,
      ).toEqual(families.map(() => mode));
      const findings = families.flatMap(findingsIn);
      expect(findings.filter((one) => one.status !== 'known')).toEqual([]);
      expect([status, families.length > 0]).toEqual([0, true]);
      for (const code of findings.flatMap(({ codes }) => codes)) seen.add(code);
    },
    900_000,
  );

  it('shows these differences and no others', () => expect([...seen].sort()).toEqual(met[mode]));
});

/** Of each kind one, where the modes are known to differ, and without the large clusters. */
const movedCases = [
  '011-nodeport-local',
  '016-loadbalancer-no-endpoints',
  '017-lb-source-ranges',
  '018-lb-local-health',
  '059-mix',
];
const moves = modes.flatMap((from) => modes.filter((to) => to !== from).map((to) => ({ from, to })));

/** What a move changes by how the modes are; what kube-proxy does otherwise in its own mode is not repeated here. */
const modeCodes: Readonly<Record<string, readonly string[]>> = {
  'iptables to ipvs': [
    'claimed-source',
    'health-check-at-services',
    'local-for-own-traffic',
    'node-ports-on-loopback',
    'own-traffic-masqueraded',
    'unused-ports',
  ],
  'iptables to nftables': ['node-ports-on-loopback', 'refused-for-all', 'unused-ports'],
  'ipvs to iptables': [
    'claimed-source',
    'health-check-at-services',
    'local-for-own-traffic',
    'node-ports-on-loopback',
    'own-traffic-masqueraded',
    'unused-ports',
  ],
  'ipvs to nftables': [
    'claimed-source',
    'health-check-at-services',
    'local-for-own-traffic',
    'node-ports-on-loopback',
    'own-traffic-masqueraded',
    'unused-ports',
  ],
  'nftables to iptables': ['node-ports-on-loopback', 'refused-for-all', 'unused-ports'],
  'nftables to ipvs': [
    'claimed-source',
    'health-check-at-services',
    'local-for-own-traffic',
    'node-ports-on-loopback',
    'own-traffic-masqueraded',
    'unused-ports',
  ],
};

describe.each(moves)('a move from $from to slicewright in $to mode', ({ from, to }) => {
  it('changes what is known of the modes, and nothing else', async () => {
    const codes = new Set<string>();
    for (const name of movedCases) {
      const { families } = await auditCase(from, name, { to });
      const findings = families.flatMap(({ after }) => (after === null ? [] : findingsIn(after)));
      expect(findings.filter(({ status }) => status !== 'known')).toEqual([]);
      for (const code of findings.flatMap((one) => one.codes)) codes.add(code);
    }
    const ofProxies = new Set(met[from]);
    expect([...codes].filter((code) => !ofProxies.has(code)).sort()).toEqual(modeCodes[`${from} to ${to}`]);
  });
});

it('a move within a mode changes nothing', async () => {
  const { families } = await auditCase('iptables', '059-mix', { to: 'iptables' });
  expect(families.flatMap(({ after }) => (after === null ? [] : findingsIn(after)))).toEqual([]);
});

it('explains every code that it prints', async () => {
  const known = (await knownDifferences()).map(({ code }) => code);
  const printed = [...Object.values(met), ...Object.values(modeCodes)].flat();
  expect(printed.filter((code) => !known.includes(code))).toEqual([]);
});
