import { describe, expect, it } from 'vitest';
import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import { apply, failureOf, oursIn, servicesWith, target, textOf, theirsIn } from '../../../test/helpers/apply.ts';
import { clusterIP, endpoint, makeIR, makeNode } from '../../../test/helpers/ir.ts';
import { assemble } from '../../assemble.ts';
import type { Run } from '../../command.ts';
import { iptables } from '../index.ts';
import type { Target } from '../../netfilter/live/observation.ts';
import { createFakeKernel, type FakeKernel } from '../../netfilter/fake/kernel.ts';
import type { Mode } from '../../netfilter/live/kernel.ts';

const cart = (endpoints = 2, number = 1): ServicePortIR =>
  makeIR(
    [clusterIP(`10.96.0.${number}`, 80)],
    Array.from({ length: endpoints }, (_, i) => endpoint(`10.1.${number}.${i + 1}:8080`)),
  );

const anEndpointChain = /KUBE-SEP-\w+/.exec(textOf(target(...servicesWith(2))))?.[0];

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

describe.each<Mode>(['nft', 'legacy'])('faults in %s mode', (mode) => {
  const running = async (...services: ServicePortIR[]): Promise<FakeKernel> => {
    const kernel = createFakeKernel(mode);
    kernel.load('IPv4', foreign);
    await apply(kernel.run, target(...services));
    return kernel;
  };
  const converges = async (kernel: FakeKernel, wanted: Target): Promise<void> => {
    kernel.faults = {};
    await apply(kernel.run, wanted);
    expect(oursIn(kernel.save('IPv4', mode))).toBe(textOf(wanted));
    expect(theirsIn(kernel.save('IPv4', mode))).toEqual(theirsIn(foreign));
  };

  it('a refusal of any document is tried again from a new reading', async () => {
    for (let failAt = 1; failAt <= 3; failAt++) {
      const kernel = createFakeKernel(mode, { failAt });
      const report = await apply(kernel.run, target(...servicesWith(2)));
      expect(report.quarantined).toEqual([]);
      await converges(kernel, target(...servicesWith(2))).catch(() => undefined);
      expect(oursIn(kernel.save('IPv4', mode))).toBe(textOf(target(...servicesWith(2))));
    }
  });

  it('a Service that the kernel rejects keeps its rules, and all others get theirs', async () => {
    const kernel = await running(...servicesWith(2));
    const wanted = servicesWith(3);
    kernel.faults = { refuses: (line) => line.includes('10.1.4.3') };
    const report = await apply(kernel.run, target(...wanted));
    expect(report.quarantined.map(({ service }) => service)).toEqual(['shop/dog:http']);
    expect(oursIn(kernel.save('IPv4', mode))).toBe(
      textOf(target(...wanted.with(3, servicesWith(2)[3] as ServicePortIR))),
    );
    await converges(kernel, target(...wanted));
  });

  it('a Service that needs an extension which is not there is left as it was, and nothing is tried twice', async () => {
    const kernel = await running(...servicesWith(2));
    const { run } = kernel;
    const lacking: Run = (file, args, input = '') => {
      const line = input.split('\n').findIndex((text) => text.includes('-m recent')) + 1;
      if (line === 0) return run(file, args, input);
      const stderr = `iptables-restore v1.8.9 (legacy): Couldn't load match \`recent':No such file or directory\n\nError occurred at line: ${line}\n`;
      return Promise.resolve({ exitCode: 2, stdout: '', stderr });
    };
    const wanted = servicesWith(2).map(
      (one, i): ServicePortIR => (i === 2 ? { ...one, affinity: { kind: 'clientIP', seconds: 60 } } : one),
    );
    const { quarantined, documents } = await apply(lacking, target(...wanted));
    expect(quarantined.map(({ service, rule }) => [service, rule?.includes('-m recent')])).toEqual([
      ['shop/cow:http', true],
    ]);
    expect(documents).toBe(0);
    await converges(kernel, target(...wanted));
  });

  it('UDP clients of an endpoint that is gone are freed, those of others go on', async () => {
    const udp = (endpoints: number) => servicesWith(endpoints, { protocol: 'UDP' });
    const kernel = await running(...udp(2));
    const flow = { source: '10.9.0.1', destination: '10.96.0.1', destinationPort: 80, replySourcePort: 8080 };
    kernel.flows = [
      { ...flow, replySource: '10.1.1.1' },
      { ...flow, replySource: '10.1.1.2' },
    ];
    await apply(kernel.run, target(...udp(1)));
    expect(kernel.flows.map(({ replySource }) => replySource)).toEqual(['10.1.1.1']);
  });

  it('several refused Services are all found, new ones are left out', async () => {
    const kernel = createFakeKernel(mode, { refuses: (line) => /10\.1\.[257]\.1/.test(line) });
    const report = await apply(kernel.run, target(...servicesWith(2)));
    expect(report.quarantined.map(({ service }) => service)).toEqual([
      'shop/bee:http',
      'shop/elk:http',
      'shop/gnu:http',
    ]);
    expect(oursIn(kernel.save('IPv4', mode))).toBe(
      textOf(target(...servicesWith(2).filter((_, i) => ![1, 4, 6].includes(i)))),
    );
  });

  it('a refusal of what all share stops, says what is in force, and changes no Service', async () => {
    const kernel = await running(cart());
    const before = kernel.save('IPv4', mode);
    kernel.faults = { refuses: (line) => line.includes('0x8000') };
    const other = assemble(iptables, [cart()], makeNode({ masqueradeBit: 15 })).program;
    const error = await failureOf(apply(kernel.run, { program: other, services: [] }));
    expect(error.reason).toBe('refused');
    expect(error.message).toMatch(mode === 'nft' ? /0x8000/ : /line \d+ failed/);
    const nat = (text: string) => text.slice(text.indexOf('*nat'));
    expect(nat(kernel.save('IPv4', mode))).toBe(nat(before));
    await converges(kernel, target(cart()));
  });

  it('killed half-way: said so, and the next apply goes on', async () => {
    const kernel = await running(cart(0));
    kernel.faults = { killAt: 3 };
    const error = await failureOf(apply(kernel.run, target(cart(2, 2))));
    expect(error.reason).toBe('interrupted');
    expect(error.inForce).toContain('every packet is treated by its previous or its new rules');
    await converges(kernel, target(cart(2, 2)));
  });

  it('a save that is cut short once is read again; one that stays short is not believed', async () => {
    const kernel = await running(cart());
    kernel.faults = { truncateSaveAt: 6 };
    await converges(kernel, target(cart(3)));
    const always = await running(cart());
    const { run } = always;
    const cutting: FakeKernel = {
      ...always,
      run: async (file, args, input) => {
        const result = await run(file, args, input);
        return file.endsWith('-save') ? { ...result, stdout: result.stdout.slice(0, -8) } : result;
      },
    };
    const before = always.save('IPv4', mode);
    await expect(apply(cutting.run, target(cart(3)))).rejects.toThrow('cut short');
    expect(always.save('IPv4', mode)).toBe(before);
  });

  it.each([
    ['flushes a chain', '*nat\n:KUBE-SERVICES - [0:0]\nCOMMIT\n'],
    ['flushes an endpoint', `*nat\n:${anEndpointChain} - [0:0]\nCOMMIT\n`],
    [
      'deletes a hook',
      '*nat\n-D PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES\nCOMMIT\n',
    ],
    ['adds to a chain', '*nat\n-A KUBE-SERVICES -s 192.0.2.9/32 -j RETURN\nCOMMIT\n'],
    ['inserts in front', '*filter\n-I KUBE-FORWARD -s 192.0.2.9/32 -j DROP\nCOMMIT\n'],
    ['repeats a hook', '*filter\n-I INPUT -j KUBE-FIREWALL\nCOMMIT\n'],
  ])('another writer %s between two applies', async (_, text) => {
    const kernel = await running(...servicesWith(2));
    kernel.restore('IPv4', text, mode);
    expect(oursIn(kernel.save('IPv4', mode))).not.toBe(textOf(target(...servicesWith(2))));
    await converges(kernel, target(...servicesWith(2)));
  });

  it('another writer flushes all tables between two applies', async () => {
    const kernel = await running(...servicesWith(2));
    kernel.load('IPv4', foreign, mode);
    expect(oursIn(kernel.save('IPv4', mode))).toBe('');
    await converges(kernel, target(...servicesWith(2)));
  });

  it('another writer during an apply is noticed and set right', async () => {
    let once = false;
    const kernel = await running(...servicesWith(2));
    kernel.faults = {
      anotherWriter: (now, commands) => {
        if (once || commands < 3) return;
        once = true;
        now.restore('IPv4', '*nat\n:KUBE-SERVICES - [0:0]\nCOMMIT\n', mode);
      },
    };
    const report = await apply(kernel.run, target(...servicesWith(2).slice(0, 3)));
    expect(report.disturbances).toBe(1);
    expect(report.quarantined).toEqual([]);
    expect(oursIn(kernel.save('IPv4', mode))).toBe(textOf(target(...servicesWith(2).slice(0, 3))));
  });

  it('another writer who never stops is reported, not fought forever', async () => {
    const kernel = await running(...servicesWith(2));
    kernel.faults = {
      anotherWriter: (now) => now.restore('IPv4', '*nat\n:KUBE-SERVICES - [0:0]\nCOMMIT\n', mode),
    };
    const error = await failureOf(apply(kernel.run, target(...servicesWith(2))));
    expect(error.reason).toBe('disturbed');
    expect(error.message).toContain('another program');
    await converges(kernel, target(...servicesWith(2)));
  });

  it('without the tool nothing is changed, and it says which is missing', async () => {
    const kernel = createFakeKernel(mode, {
      missing: ['iptables', 'iptables-nft-save', 'iptables-legacy-save', 'iptables-save'],
    });
    await expect(apply(kernel.run, target(cart()))).rejects.toMatchObject({ reason: 'missing-tool' });
    const without = await running(cart());
    const before = without.save('IPv4', mode);
    without.faults = { missing: [`iptables-${mode}-restore`] };
    const error = await failureOf(apply(without.run, target(cart(3))));
    expect(error.reason).toBe('missing-tool');
    expect(error.inForce).toBe('The previous rules are still in force.');
    expect(without.save('IPv4', mode)).toBe(before);
  });

  it('without privilege nothing is changed, and it says what is needed', async () => {
    const kernel = await running(cart());
    const before = kernel.save('IPv4', mode);
    kernel.faults = { noPrivilege: true };
    await expect(apply(kernel.run, target(cart(3)))).rejects.toThrow('CAP_NET_ADMIN');
    expect(kernel.save('IPv4', mode)).toBe(before);
  });
});

describe('the lock', () => {
  it('is waited for, and tried again', async () => {
    const kernel = createFakeKernel('legacy', { lockedFor: 2 });
    await apply(kernel.run, target(cart()));
    expect(oursIn(kernel.save('IPv4', 'legacy'))).toBe(textOf(target(cart())));
    const restores = kernel.commands.filter(({ file }) => file.endsWith('-restore'));
    expect(restores.every(({ args }) => args.join(' ') === '--noflush -w 5')).toBe(true);
  });

  it('held for long: given up, and nothing was changed', async () => {
    const kernel = createFakeKernel('legacy');
    await apply(kernel.run, target(cart()));
    const before = kernel.save('IPv4', 'legacy');
    kernel.faults = { lockedFor: 100 };
    const error = await failureOf(apply(kernel.run, target(cart(3))));
    expect(error.reason).toBe('locked');
    expect(error.message).toContain('The previous rules are still in force.');
    expect(kernel.save('IPv4', 'legacy')).toBe(before);
  });
});
