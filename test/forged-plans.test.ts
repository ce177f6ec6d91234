import { describe, expect, it } from 'vitest';
import { loadMode } from '../backends/index.ts';
import type { Run } from '../backends/command.ts';
import { createFakeIpvsKernel } from '../backends/ipvs/fake/kernel.ts';
import { observeProgram } from '../backends/ipvs/live/observe.ts';
import { fingerprintOf as ipvsFingerprint } from '../backends/ipvs/plan/fingerprint.ts';
import { outcomeOf as ipvsOutcome } from '../backends/ipvs/plan/outcome.ts';
import type { IpvsStep } from '../backends/ipvs/plan/steps.ts';
import { fingerprintOf as rulesFingerprint } from '../backends/netfilter/diff/fingerprint.ts';
import { outcomeOf as rulesOutcome } from '../backends/netfilter/diff/outcome.ts';
import type { RestoreStep } from '../backends/netfilter/diff/plan.ts';
import { observe as observeTables } from '../backends/netfilter/live/observation.ts';
import { canonicalRuleset } from '../backends/netfilter/text/canonical.ts';
import { createFakeNft } from '../backends/nftables/fake/fake-nft.ts';
import { observe as observeTable } from '../backends/nftables/live/observe.ts';
import { fingerprintOf as tableFingerprint } from '../backends/nftables/live/fingerprint.ts';
import { loadTransaction, transaction } from '../backends/nftables/live/saved-commands.ts';
import { outcomeOf as tableOutcome } from '../backends/nftables/plan/outcome.ts';
import type { Target } from '../backends/target.ts';
import { clusterIP, endpoint, makeIR, makeNode } from './helpers/ir.ts';
import { ownChains, scopeFor } from './helpers/scope.ts';

/*
 * Plans that somebody changed who knows everything: each says the right state to start from, the right state that its steps
 * lead to, and only words of slicewright. Only what such words make together gives them away.
 */

const wanted: Target = {
  services: [makeIR([clusterIP('10.96.0.1', 80)], [endpoint('10.1.0.1:8080'), endpoint('10.1.0.2:8080')])],
  node: makeNode(),
};

/** Whatever a plan's JSON is. */
type Json = ReturnType<typeof JSON.parse>;

interface Forger {
  readonly newKernel: () => Run;
  /** What the steps lead to, as the plan should say it. */
  readonly resultOf: (run: Run, steps: Json[]) => Promise<string | undefined>;
}

const forgers: Readonly<Record<string, Forger>> = {
  iptables: {
    newKernel: () => createFakeIpvsKernel().run,
    async resultOf(run, steps: RestoreStep[]) {
      let ruleset = (await observeTables(run, 'IPv4', ownChains)).ruleset;
      for (const { document } of steps) ruleset = rulesOutcome(ruleset, document) ?? ruleset;
      return rulesFingerprint(canonicalRuleset(ruleset));
    },
  },
  ipvs: {
    newKernel: () => createFakeIpvsKernel().run,
    async resultOf(run, steps) {
      const parsed = steps.map((step) =>
        step.kind === 'sysctls' ? { ...step, to: new Map(Object.entries(step.to)) } : step,
      ) as IpvsStep[];
      const outcome = ipvsOutcome(await observeProgram(run, 'IPv4', ownChains), parsed);
      return outcome && ipvsFingerprint(outcome);
    },
  },
  nftables: {
    newKernel: () => createFakeNft().run,
    async resultOf(run, steps) {
      const observed = await observeTable(run, scopeFor());
      const loaded = loadTransaction(transaction.parse(steps[0]));
      const outcome = 'strange' in loaded ? undefined : tableOutcome(observed.program, loaded);
      return outcome && tableFingerprint({ ...observed, ...outcome });
    },
  },
};

async function outcomeOfForging(backend: string, change: (steps: Json[]) => void) {
  const { newKernel, resultOf } = forgers[backend] as Forger;
  const { live } = await loadMode(backend);
  const run = newKernel();
  const kernel = await live.observe(run, scopeFor(), true);
  const plan = kernel?.plan(wanted, { before: undefined, isToBeApplied: true });
  const saved = JSON.parse(JSON.stringify(plan?.saved()));
  change(saved.steps);
  const result = await resultOf(run, saved.steps);
  const loaded = await live.loadPlan({ ...saved, result: result ?? saved.result }, scopeFor().prefix);
  if (loaded.kind === 'refused') return `refused: ${loaded.problems[0]?.message}`;
  const { refusal } = await loaded.start(run, scopeFor());
  return refusal === undefined ? 'performed' : `${refusal.code}: ${refusal.message}`;
}

it.each(Object.keys(forgers))('a plan of %s that nobody forged is performed', async (backend) => {
  expect(await outcomeOfForging(backend, () => {})).toBe('performed');
});

const chainOf = (lines: string[], purpose: string): string =>
  lines.find((line) => line.startsWith(`-A KUBE-${purpose}-`))?.split(' ')[1] ?? '';

/** `SVC` and `SEP` stand for the chains of the Service and of its first endpoint. */
const rules: readonly (readonly [table: string, line: string])[] = [
  ['nat', '-A KUBE-SERVICES -j ACCEPT'],
  ['nat', '-A KUBE-SERVICES -j RETURN'],
  ['nat', '-I KUBE-SERVICES 1 -s 198.51.100.0/24 -j RETURN'],
  ['nat', '-A KUBE-SERVICES -d 10.0.0.0/8 -p tcp -m tcp --dport 80 -j SVC'],
  ['nat', '-A KUBE-SERVICES -d 127.0.0.1/32 -p tcp -m tcp --dport 80 -j SVC'],
  ['nat', '-A KUBE-SERVICES -p tcp -m tcp --dport 22 -j SVC'],
  ['nat', '-A KUBE-SERVICES -j SEP'],
  ['nat', '-A SVC -j ACCEPT'],
  ['nat', '-A SVC -p tcp -m tcp -j DNAT --to-destination 10.6.6.6:80'],
  ['nat', '-A SEP -p tcp -m tcp -j DNAT --to-destination 169.254.169.254:80'],
  ['nat', '-A SEP -p tcp -m tcp -j DNAT --to-destination 127.0.0.1:10250'],
  ['nat', '-A KUBE-POSTROUTING -j RETURN'],
  ['nat', '-A KUBE-MARK-MASQ -j MARK --set-xmark 0xffffffff/0xffffffff'],
  ['filter', '-A KUBE-FORWARD -j ACCEPT'],
  ['filter', '-A KUBE-FORWARD -m conntrack --ctstate NEW -j ACCEPT'],
  ['filter', '-A KUBE-FIREWALL -j DROP'],
  ['filter', '-A KUBE-SERVICES -j DROP'],
  ['filter', '-I INPUT -j KUBE-MARK-MASQ'],
];

describe.each(['iptables', 'ipvs'])('a rule put into a chain of slicewright by a plan of %s', (backend) => {
  // IPVS mode has no chains of Services, and fewer of all.
  const absent = / (SVC|SEP)\b|KUBE-FIREWALL|-A KUBE-SERVICES -j DROP/;
  const possible = rules.filter(([, line]) => backend === 'iptables' || !absent.test(line));
  it.each(possible)('is refused: %s %s', async (table, template) => {
    const told = await outcomeOfForging(backend, (steps) => {
      const documents = steps.flatMap(({ document }) => (document === undefined ? [] : [document]));
      const all: Json[] = documents.flatMap((document: Json) => document.tables);
      const lines = all.flatMap((one) => one.lines);
      const line = template.replace(/\bSVC\b/, chainOf(lines, 'SVC')).replace(/\bSEP\b/, chainOf(lines, 'SEP'));
      all.findLast((one) => one.name === table && one.declared.length > 0).lines.push(line);
    });
    expect(told).toMatch(/^apply-tampered: this plan has rules that slicewright never makes: "|^refused: slicewright/);
  });
});

it('a rule that goes again in the same plan is refused: the plan may be interrupted in between', async () => {
  const told = await outcomeOfForging('iptables', (steps) => {
    const tables: Json[] = steps.flatMap(({ document }) => document.tables);
    const last = tables.findLast(({ name, lines }) => name === 'nat' && lines.length > 0);
    last.lines.push('-A KUBE-SERVICES -j ACCEPT', '-D KUBE-SERVICES -j ACCEPT');
  });
  expect(told).toMatch(/^apply-tampered: .*-A KUBE-SERVICES -j ACCEPT/);
});

const ipvsForgeries: readonly (readonly [string, (steps: Json[]) => void])[] = [
  [
    'a setting of the kernel',
    (steps) => void (steps.find(({ kind }) => kind === 'sysctls').to['net.ipv4.ip_forward'] = '0'),
  ],
  [
    'a setting of no Service',
    (steps) => void (steps.find(({ kind }) => kind === 'sysctls').to['net.ipv4.conf.all.rp_filter'] = '0'),
  ],
  ['every port at once', (steps) => void setOf(steps, 'KUBE-NODE-PORT-TCP').entries.push('1-65535')],
  ['a network of addresses', (steps) => void setOf(steps, 'KUBE-CLUSTER-IP').entries.push('10.0.0.0/8,tcp:80')],
  [
    'a set of another type',
    (steps) => void (setOf(steps, 'KUBE-EXTERNAL-IP').definition = 'hash:ip family inet maxelem 65536'),
  ],
  [
    'an address that no Service has',
    (steps) => void steps.find(({ kind }) => kind === 'bind').addresses.push('192.0.2.53'),
  ],
  ['a real server behind no translation', (steps) => void (realOf(steps).real.forwarding = 'route')],
  ['a real server on loopback', (steps) => void (realOf(steps).real.address = '127.0.0.1')],
  ['a metadata service', (steps) => void (realOf(steps).real.address = '169.254.169.254')],
  ['a flag of no scheduler', (steps) => void serverOf(steps).server.flags.push('ops')],
  ['a scheduler that slicewright does not know', (steps) => void (serverOf(steps).server.scheduler = 'fo')],
];

const setOf = (steps: Json[], name: string): Json =>
  steps.flatMap(({ kind, sets }) => (kind === 'create-sets' ? sets : [])).find((set: Json) => set.name === name);
const editsOf = (steps: Json[]): Json[] => steps.flatMap(({ edits }) => edits ?? []);
const realOf = (steps: Json[]): Json => editsOf(steps).find(({ op }) => op === 'add-real');
const serverOf = (steps: Json[]): Json => editsOf(steps).find(({ op }) => op === 'add-virtual');

it.each(ipvsForgeries)('a plan of ipvs is refused with %s', async (_, change) => {
  expect(await outcomeOfForging('ipvs', change)).toMatch(
    /^apply-tampered: this plan has rules that slicewright never makes/,
  );
});

const nftForgeries: readonly (readonly [string, Json])[] = [
  ['a rule that accepts', { kind: 'addRule', chain: 'translate', line: 'accept' }],
  ['a rule that returns', { kind: 'addRule', chain: 'translate', line: 'ip saddr 198.51.100.0/24 return' }],
  ['a rule that drops', { kind: 'addRule', chain: 'filter-input', line: 'drop' }],
  ['another destination', { kind: 'addRule', chain: 'translate', line: 'meta l4proto tcp dnat to 10.6.6.6:80' }],
  ['a jump of every packet', { kind: 'addRule', chain: 'prerouting', line: 'goto refuse' }],
  ['a hook', { kind: 'createChain', chain: 'filter-extra', hook: { type: 'filter', at: 'input', priority: -300 } }],
  ['a chain of nobody', { kind: 'createChain', chain: 'backdoor' }],
  [
    'an element that accepts',
    {
      kind: 'createElements',
      set: { name: 'services', key: ['address', 'protocol', 'port'], data: 'verdict' },
      elements: ['10.96.0.9 . tcp . 80 : accept'],
    },
  ],
  [
    'a metadata service',
    {
      kind: 'createElements',
      set: { name: 'endpoints/tcp', key: ['address', 'port', 'slot'], data: 'endpoint', protocol: 'TCP' },
      elements: ['10.96.0.1 . 80 . 2 : 169.254.169.254 . 80'],
    },
  ],
];

it.each(nftForgeries)('a plan of nftables is refused with %s', async (_, command) => {
  const told = await outcomeOfForging('nftables', ([step]) => void step.commands.push(command));
  expect(told).toMatch(/^apply-tampered: this plan has rules that slicewright never makes|^refused: slicewright/);
});
