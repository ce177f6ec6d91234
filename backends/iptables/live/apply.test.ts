import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import {
  apply,
  failureOf,
  nothing,
  oursIn,
  servicesWith,
  target,
  textOf,
  theirsIn,
} from '../../../test/helpers/apply.ts';
import { arbitraryNode, arbitraryServices } from '../../../test/helpers/arbitrary-ir.ts';
import { clusterIP, endpoint, makeIR, makeNode } from '../../../test/helpers/ir.ts';
import { assemble } from '../../assemble.ts';
import { iptables } from '../index.ts';
import { ownChains, planeOf } from '../../../test/helpers/scope.ts';
import { createFakeIpvsKernel } from '../../ipvs/fake/kernel.ts';
import { applyPlan } from './apply.ts';
import { rulesetText } from '../../netfilter/text/document.ts';
import { createFakeKernel, type FakeKernel } from '../../netfilter/fake/kernel.ts';
import { observe, planLive } from '../../netfilter/live/observation.ts';

const node = makeNode();
const cart = (endpoints = 2, number = 1): ServicePortIR =>
  makeIR(
    [clusterIP(`10.96.0.${number}`, 80)],
    Array.from({ length: endpoints }, (_, i) => endpoint(`10.1.${number}.${i + 1}:8080`)),
  );

const foreign = [
  '*filter',
  ':INPUT ACCEPT [0:0]',
  ':FORWARD ACCEPT [0:0]',
  ':OUTPUT ACCEPT [0:0]',
  ':FIREWALL - [0:0]',
  '-A INPUT -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT',
  '-A INPUT -j FIREWALL',
  '-A FIREWALL -m conntrack --ctstate INVALID -j DROP',
  'COMMIT',
  '*nat',
  ':PREROUTING ACCEPT [0:0]',
  ':INPUT ACCEPT [0:0]',
  ':OUTPUT ACCEPT [0:0]',
  ':POSTROUTING ACCEPT [0:0]',
  '-A POSTROUTING -s 10.1.0.0/16 -o eth0 -j MASQUERADE',
  'COMMIT',
  '',
].join('\n');

describe('applying', () => {
  it('brings a node from any Services to any others, and rules of others stay', async () => {
    const wanted = fc.option(fc.record({ services: arbitraryServices(), node: arbitraryNode() }));
    await fc.assert(
      fc.asyncProperty(fc.array(wanted, { minLength: 1, maxLength: 3 }), async (states) => {
        const kernel = createFakeKernel();
        kernel.load('IPv4', foreign);
        const others = theirsIn(kernel.save('IPv4'));
        for (const state of states) {
          const next =
            state === null
              ? nothing
              : { program: assemble(iptables, state.services, state.node).program, services: state.services };
          await apply(kernel.run, next);
          expect(oursIn(kernel.save('IPv4'))).toBe(textOf(next));
          expect(theirsIn(kernel.save('IPv4'))).toEqual(others);
          expect((await apply(kernel.run, next)).documents).toBe(0);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('to nothing leaves the tables as they were', async () => {
    const kernel = createFakeKernel();
    kernel.load('IPv4', foreign);
    await apply(kernel.run, target(cart()));
    await apply(kernel.run, nothing);
    expect(kernel.save('IPv4')).toContain('-A INPUT -j FIREWALL');
    expect(theirsIn(kernel.save('IPv4'))).toEqual(theirsIn(foreign));
    expect(kernel.save('IPv4')).not.toMatch(/KUBE-|SLICEWRIGHT/);
  });
});

function createWith(text: string): FakeKernel {
  const kernel = createFakeKernel();
  kernel.load('IPv4', text);
  return kernel;
}

describe('whose the chains are', () => {
  it('refuses rules of Services without our mark, and changes nothing', async () => {
    const kernel = createFakeKernel();
    kernel.load('IPv4', rulesetText(assemble(iptables, [cart(3)], node).program));
    const before = kernel.save('IPv4');
    for (const wanted of [target(cart()), nothing]) {
      const error = await failureOf(apply(kernel.run, wanted));
      expect(error.reason).toBe('another-writer');
      expect(error.message).toContain('--take-over');
      expect(kernel.save('IPv4')).toBe(before);
    }
  });

  it('takes them over in place when told to, and they are ours from then on', async () => {
    const kernel = createFakeKernel();
    kernel.load('IPv4', rulesetText(assemble(iptables, [cart(3)], node).program));
    const { documents } = await apply(kernel.run, target(cart(3)), { takeOver: true });
    // Only the mark was missing.
    expect(documents).toBe(1);
    await apply(kernel.run, target(cart(2)));
    expect(oursIn(kernel.save('IPv4'))).toBe(textOf(target(cart(2))));
  });

  it('knows its own though an apply was killed anywhere', async () => {
    for (let killAt = 1; killAt <= 3; killAt++) {
      const kernel = createFakeKernel('nft', { killAt });
      await apply(kernel.run, target(cart())).catch(() => undefined);
      kernel.faults = {};
      await apply(kernel.run, target(...servicesWith(2)));
      expect(oursIn(kernel.save('IPv4'))).toBe(textOf(target(...servicesWith(2))));
    }
  });

  it('leaves to kubelet what kubelet has', async () => {
    const kubelet = [
      '*mangle',
      ':KUBE-KUBELET-CANARY - [0:0]',
      ':KUBE-IPTABLES-HINT - [0:0]',
      'COMMIT',
      '*filter',
      ':KUBE-FIREWALL - [0:0]',
      '-A INPUT -j KUBE-FIREWALL',
      '-A OUTPUT -j KUBE-FIREWALL',
      '-A KUBE-FIREWALL -m comment --comment "kubernetes firewall for dropping marked packets" -m mark --mark 0x8000/0x8000 -j DROP',
      'COMMIT',
      '*nat',
      ':KUBE-MARK-DROP - [0:0]',
      '-A KUBE-MARK-DROP -j MARK --set-xmark 0x8000/0x8000',
      'COMMIT',
      '',
    ].join('\n');
    const kernel = createWith(kubelet);
    await apply(kernel.run, target(cart()));
    expect(kernel.save('IPv4')).toContain('--mark 0x8000/0x8000 -j DROP');
    expect(kernel.save('IPv4')).toContain('-A KUBE-MARK-DROP -j MARK');
    expect(kernel.save('IPv4')).toContain('block incoming localnet connections');
    await apply(kernel.run, nothing);
    for (const line of kubelet.split('\n')) expect(kernel.save('IPv4')).toContain(line);
    expect(kernel.save('IPv4')).not.toContain('KUBE-SERVICES');
  });

  it('empties, but cannot delete, a chain that a rule of others jumps to', async () => {
    const kernel = createFakeKernel();
    await apply(kernel.run, target(cart()));
    kernel.restore('IPv4', '*filter\n:AUDIT - [0:0]\n-A AUDIT -s 192.0.2.1/32 -j KUBE-FORWARD\nCOMMIT\n');
    await apply(kernel.run, nothing);
    expect(kernel.save('IPv4')).toContain('-A AUDIT -s 192.0.2.1/32 -j KUBE-FORWARD');
    expect(kernel.save('IPv4')).not.toContain('-A KUBE-');
    expect((await apply(kernel.run, nothing)).documents).toBe(0);
  });

  it('takes nothing from a rule of others that has packets masqueraded', async () => {
    const kernel = createFakeKernel();
    await apply(kernel.run, target(cart()));
    kernel.restore('IPv4', '*nat\n:HOSTPORTS - [0:0]\n-A HOSTPORTS -s 10.1.0.9/32 -j KUBE-MARK-MASQ\nCOMMIT\n');
    const chains = (save: string) => save.split('\n').filter((line) => /KUBE-MARK-MASQ|KUBE-POSTROUTING/.test(line));
    const serviceRules = / KUBE-(SVC|SEP|EXT|SERVICES|NODEPORTS)/;
    const before = chains(kernel.save('IPv4')).filter((line) => !serviceRules.test(line));
    await apply(kernel.run, nothing);
    expect(chains(kernel.save('IPv4'))).toEqual(before);
    expect(kernel.save('IPv4')).not.toMatch(serviceRules);
    expect((await apply(kernel.run, nothing)).documents).toBe(0);
  });

  it('uses the mode that holds rules of Services, or else any', async () => {
    const kernel = createFakeKernel('nft');
    kernel.load('IPv4', foreign, 'legacy');
    const report = await apply(kernel.run, target(cart()));
    expect(report.observed.tools.restore).toBe('iptables-legacy-restore');
    expect(oursIn(kernel.save('IPv4', 'legacy'))).toBe(textOf(target(cart())));
    kernel.load('IPv4', foreign, 'nft');
    expect((await apply(kernel.run, target(cart(3)))).observed.tools.mode).toBe('legacy');
  });

  it('uses the plain programs where there are no others', async () => {
    const variants = ['nft', 'legacy'].flatMap((mode) =>
      ['', '-save', '-restore'].map((verb) => `iptables-${mode}${verb}`),
    );
    const kernel = createFakeKernel('legacy', { missing: variants });
    const report = await apply(kernel.run, target(cart()));
    expect(report.observed.tools).toMatchObject({ mode: 'legacy', restore: 'iptables-restore' });
    expect(oursIn(kernel.save('IPv4'))).toBe(textOf(target(cart())));
  });

  it.each(['iptables', 'ipvs'])('the agent stays in its tables when a tool of %s mode vanishes', async (backend) => {
    const kernel = createFakeIpvsKernel();
    const plane = planeOf(backend, { run: kernel.run });
    const wanted = { services: [cart()], node };
    await plane.sync(wanted, 'full');
    const before = kernel.netfilter.save('IPv4', 'nft');
    kernel.netfilter.faults = { missing: ['iptables-nft-save', 'iptables-save'] };
    await expect(plane.sync({ services: [cart(3)], node }, 'full')).rejects.toThrow(
      /iptables(-nft)?-save: not installed/,
    );
    expect(kernel.netfilter.save('IPv4', 'legacy')).not.toContain('KUBE-');
    expect(kernel.netfilter.save('IPv4', 'nft')).toBe(before);
    kernel.netfilter.faults = {};
    await plane.sync({ services: [cart(3)], node }, 'full');
    expect(await plane.sync({ services: [cart(3)], node }, 'full')).toMatchObject({ documents: 0 });
    // Flushed, while the other mode's tables hold something: that is no reason either.
    kernel.netfilter.load('IPv4', '', 'nft');
    kernel.netfilter.load('IPv4', foreign, 'legacy');
    await plane.sync({ services: [cart(3)], node }, 'full');
    expect(kernel.netfilter.save('IPv4', 'legacy')).not.toContain('KUBE-');
    expect(kernel.netfilter.save('IPv4', 'nft')).toContain('KUBE-SERVICES');
  });

  it.each(['iptables', 'ipvs'])(
    'in %s mode, rules of others that decide before are told of once, and stay',
    async (backend) => {
      const kernel = createFakeIpvsKernel();
      const plane = planeOf(backend, { run: kernel.run });
      const wanted = { services: [cart()], node };
      expect((await plane.sync(wanted, 'full')).drift).toEqual([]);
      const verdicts = [
        '-s 198.51.100.0/24 -j RETURN',
        '-d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.6.6.6:80',
      ];
      const lines = [...verdicts, '-j THE-OTHERS', '-m comment --comment "we -j DROP it"'].map(
        (rule) => `-I PREROUTING ${rule}`,
      );
      const dropping = '-I FORWARD -d 10.1.0.0/16 -j DROP';
      kernel.netfilter.restore(
        'IPv4',
        `*filter\n${dropping}\nCOMMIT\n*nat\n:THE-OTHERS - [0:0]\n${lines.join('\n')}\nCOMMIT\n`,
      );
      const { drift, documents } = await plane.sync(wanted, 'full');
      expect(documents).toBe(0);
      expect(drift).toEqual([
        {
          where: 'filter FORWARD (rules of other programs that come first)',
          lost: [],
          added: ['-A FORWARD -d 10.1.0.0/16 -j DROP'],
          stays: true,
        },
        {
          where: 'nat PREROUTING (rules of other programs that come first)',
          lost: [],
          added: verdicts.toReversed().map((rule) => `-A PREROUTING ${rule}`),
          stays: true,
        },
      ]);
      expect((await plane.sync(wanted, 'full')).drift).toEqual([]);
      expect(kernel.netfilter.save('IPv4')).toContain('-A PREROUTING -s 198.51.100.0/24 -j RETURN');
    },
  );

  it('does not take a mode without its save program for one without rules', async () => {
    const kernel = createFakeKernel('legacy');
    kernel.load('IPv4', rulesetText(assemble(iptables, [cart(3)], node).program), 'nft');
    kernel.faults = { missing: ['iptables-nft-save'] };
    await expect(apply(kernel.run, target(cart()))).rejects.toThrow('iptables-nft-save: not installed');
    expect(kernel.save('IPv4', 'legacy')).not.toContain('KUBE-');
  });

  it('refuses to add to rules of Services in both modes', async () => {
    const kernel = createFakeKernel('nft');
    kernel.load('IPv4', rulesetText(assemble(iptables, [cart(3)], node).program), 'legacy');
    kernel.load('IPv4', rulesetText(assemble(iptables, [cart(3)], node).program), 'nft');
    const error = await failureOf(apply(kernel.run, target(cart()), { takeOver: true }));
    expect(error.reason).toBe('two-modes');
    expect(error.message).toContain('Nothing was changed');
  });
});

describe('a plan that was saved', () => {
  it('is performed as it was made', async () => {
    const kernel = createFakeKernel();
    await apply(kernel.run, target(cart()));
    const start = await observe(kernel.run, 'IPv4', ownChains);
    const plan = planLive(start, target(cart(3)), ownChains);
    const saved = JSON.parse(JSON.stringify(plan)) as typeof plan;
    await applyPlan(kernel.run, start, saved, ownChains);
    expect(oursIn(kernel.save('IPv4'))).toBe(textOf(target(cart(3))));
  });

  it('is refused where anything of ours has changed since', async () => {
    const kernel = createFakeKernel();
    await apply(kernel.run, target(cart()));
    const plan = planLive(await observe(kernel.run, 'IPv4', ownChains), target(cart(3)), ownChains);
    kernel.restore('IPv4', '*nat\n-A KUBE-SERVICES -s 192.0.2.9/32 -j RETURN\nCOMMIT\n');
    const before = kernel.save('IPv4');
    const error = await failureOf(applyPlan(kernel.run, await observe(kernel.run, 'IPv4', ownChains), plan, ownChains));
    expect(error.reason).toBe('changed-since');
    expect(kernel.save('IPv4')).toBe(before);
  });
});
