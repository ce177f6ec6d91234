import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import { arbitraryNode, arbitraryServices } from '../../test/helpers/arbitrary-ir.ts';
import { clusterIP, endpoint, makeIR, makeNode, service } from '../../test/helpers/ir.ts';
import { assemble } from '../assemble.ts';
import { iptables } from '../iptables/index.ts';
import { ownChains } from '../iptables/own-chains.ts';
import { type ApplyOptions, type ApplyReport, applyPlan, applyTarget } from './apply.ts';
import { ApplyError } from './apply-error.ts';
import { rulesetText } from './document.ts';
import { createFakeKernel, type FakeKernel } from './fake-kernel.ts';
import { jumpTarget } from './lines.ts';
import { observe, planLive, type Target } from './live.ts';
import type { Mode } from './mode.ts';
import { withMark } from './ownership.ts';
import { parseSave } from './parse.ts';

const node = makeNode();
const nothing: Target = { program: undefined, services: [] };

function target(...services: ServicePortIR[]): Target {
  return { program: assemble(iptables, services, node).program, services };
}

const cart = (endpoints = 2, name = 'cart', number = 1) =>
  makeIR(
    [clusterIP(`10.96.0.${number}`, 80)],
    Array.from({ length: endpoints }, (_, i) => endpoint(`10.1.${number}.${i + 1}:8080`)),
    { service: service(`shop/${name}`) },
  );
const several = ['ant', 'bee', 'cow', 'dog', 'elk', 'fox', 'gnu'].map((name, i) => cart(2, name, i + 1));

const anEndpointChain = /KUBE-SEP-\w+/.exec(textOf(target(...several)))?.[0];

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

async function apply(kernel: FakeKernel, wanted: Target, options: ApplyOptions = {}): Promise<ApplyReport> {
  return applyTarget(kernel.run, await observe(kernel.run, 'IPv4', ownChains), wanted, ownChains, options);
}

async function failureOf(work: Promise<unknown>): Promise<ApplyError> {
  const error = await work.then(
    () => undefined,
    (problem: unknown) => problem,
  );
  if (!(error instanceof ApplyError)) throw new Error(`expected an ApplyError, got ${String(error)}`);
  return error;
}

/** Ours as it is in the fake, without the mark: comparable with a program. */
function ours(kernel: FakeKernel, mode: Mode = 'nft'): string {
  return rulesetText(parseSave(kernel.save('IPv4', mode), 'IPv4', ownChains.isOurs).ruleset);
}

/** Chains and rules of others, each with its table. */
function theirs(kernel: FakeKernel, mode: Mode = 'nft'): string[] {
  const { isOurs } = withMark(ownChains);
  let table = '';
  return kernel
    .save('IPv4', mode)
    .split('\n')
    .flatMap((line) => {
      if (line.startsWith('*')) table = line;
      const chain = (line.startsWith(':') ? line.slice(1).split(' ')[0] : line.split(' ')[1]) ?? '';
      const isTheirs = /^(-|:.* - )/.test(line) && !isOurs('nat', chain) && !isOurs('nat', jumpTarget(line) ?? '');
      return isTheirs ? [`${table} ${line}`] : [];
    });
}

function textOf({ program }: Target): string {
  return program === undefined ? '' : rulesetText(program);
}

describe('applying', () => {
  it('brings a node from any Services to any others, and rules of others stay', async () => {
    const wanted = fc.option(fc.record({ services: arbitraryServices(), node: arbitraryNode() }));
    await fc.assert(
      fc.asyncProperty(fc.array(wanted, { minLength: 1, maxLength: 3 }), async (states) => {
        const kernel = createFakeKernel();
        kernel.load('IPv4', foreign);
        const others = theirs(kernel);
        for (const state of states) {
          const next =
            state === null
              ? nothing
              : { program: assemble(iptables, state.services, state.node).program, services: state.services };
          await apply(kernel, next);
          expect(ours(kernel)).toBe(textOf(next));
          expect(theirs(kernel)).toEqual(others);
          expect((await apply(kernel, next)).documents).toBe(0);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('to nothing leaves the tables as they were', async () => {
    const kernel = createFakeKernel();
    kernel.load('IPv4', foreign);
    await apply(kernel, target(cart()));
    await apply(kernel, nothing);
    expect(kernel.save('IPv4')).toContain('-A INPUT -j FIREWALL');
    expect(theirs(kernel)).toEqual(theirs(createWith(foreign)));
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
      const error = await failureOf(apply(kernel, wanted));
      expect(error.reason).toBe('another-writer');
      expect(error.message).toContain('--take-over');
      expect(kernel.save('IPv4')).toBe(before);
    }
  });

  it('takes them over in place when told to, and they are ours from then on', async () => {
    const kernel = createFakeKernel();
    kernel.load('IPv4', rulesetText(assemble(iptables, [cart(3)], node).program));
    const { documents } = await apply(kernel, target(cart(3)), { takeOver: true });
    // Only the mark was missing.
    expect(documents).toBe(1);
    await apply(kernel, target(cart(2)));
    expect(ours(kernel)).toBe(textOf(target(cart(2))));
  });

  it('knows its own though an apply was killed anywhere', async () => {
    for (let killAt = 1; killAt <= 3; killAt++) {
      const kernel = createFakeKernel('nft', { killAt });
      await apply(kernel, target(cart())).catch(() => undefined);
      kernel.faults = {};
      await apply(kernel, target(...several));
      expect(ours(kernel)).toBe(textOf(target(...several)));
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
      '',
    ].join('\n');
    const kernel = createWith(kubelet);
    await apply(kernel, target(cart()));
    expect(kernel.save('IPv4')).toContain('--mark 0x8000/0x8000 -j DROP');
    expect(kernel.save('IPv4')).toContain('block incoming localnet connections');
    await apply(kernel, nothing);
    for (const line of kubelet.split('\n')) expect(kernel.save('IPv4')).toContain(line);
    expect(kernel.save('IPv4')).not.toContain('KUBE-SERVICES');
  });

  it('empties, but cannot delete, a chain that a rule of others jumps to', async () => {
    const kernel = createFakeKernel();
    await apply(kernel, target(cart()));
    kernel.restore('IPv4', '*filter\n:AUDIT - [0:0]\n-A AUDIT -s 192.0.2.1/32 -j KUBE-FORWARD\nCOMMIT\n');
    await apply(kernel, nothing);
    expect(kernel.save('IPv4')).toContain('-A AUDIT -s 192.0.2.1/32 -j KUBE-FORWARD');
    expect(kernel.save('IPv4')).not.toContain('-A KUBE-');
    expect((await apply(kernel, nothing)).documents).toBe(0);
  });

  it('uses the mode that holds rules of Services, or else any', async () => {
    const kernel = createFakeKernel('nft');
    kernel.load('IPv4', foreign, 'legacy');
    const report = await apply(kernel, target(cart()));
    expect(report.observed.tools.restore).toBe('iptables-legacy-restore');
    expect(ours(kernel, 'legacy')).toBe(textOf(target(cart())));
    kernel.load('IPv4', foreign, 'nft');
    expect((await apply(kernel, target(cart(3)))).observed.tools.mode).toBe('legacy');
  });

  it('refuses to add to rules of Services in both modes', async () => {
    const kernel = createFakeKernel('nft');
    kernel.load('IPv4', rulesetText(assemble(iptables, [cart(3)], node).program), 'legacy');
    kernel.load('IPv4', rulesetText(assemble(iptables, [cart(3)], node).program), 'nft');
    const error = await failureOf(apply(kernel, target(cart()), { takeOver: true }));
    expect(error.reason).toBe('two-modes');
    expect(error.message).toContain('Nothing was changed');
  });
});

describe.each<Mode>(['nft', 'legacy'])('faults in %s mode', (mode) => {
  const running = async (...services: ServicePortIR[]): Promise<FakeKernel> => {
    const kernel = createFakeKernel(mode);
    kernel.load('IPv4', foreign);
    await apply(kernel, target(...services));
    return kernel;
  };
  const converges = async (kernel: FakeKernel, wanted: Target): Promise<void> => {
    kernel.faults = {};
    await apply(kernel, wanted);
    expect(ours(kernel, mode)).toBe(textOf(wanted));
    expect(theirs(kernel, mode)).toEqual(theirs(createWith(foreign)));
  };

  it('a refusal of any document is tried again from a new reading', async () => {
    for (let failAt = 1; failAt <= 3; failAt++) {
      const kernel = createFakeKernel(mode, { failAt });
      const report = await apply(kernel, target(...several));
      expect(report.quarantined).toEqual([]);
      await converges(kernel, target(...several)).catch(() => undefined);
      expect(ours(kernel, mode)).toBe(textOf(target(...several)));
    }
  });

  it('a Service that the kernel refuses keeps its rules, and all others get theirs', async () => {
    const kernel = await running(...several);
    const wanted = several.map((_, i) => cart(3, ['ant', 'bee', 'cow', 'dog', 'elk', 'fox', 'gnu'][i], i + 1));
    kernel.faults = { refuses: (line) => line.includes('10.1.4.3') };
    const report = await apply(kernel, target(...wanted));
    expect(report.quarantined.map(({ service }) => service)).toEqual(['shop/dog:http']);
    expect(ours(kernel, mode)).toBe(textOf(target(...wanted.with(3, several[3] as ServicePortIR))));
    await converges(kernel, target(...wanted));
  });

  it('several refused Services are all found, new ones are left out', async () => {
    const kernel = createFakeKernel(mode, { refuses: (line) => /10\.1\.[257]\.1/.test(line) });
    const report = await apply(kernel, target(...several));
    expect(report.quarantined.map(({ service }) => service)).toEqual([
      'shop/bee:http',
      'shop/elk:http',
      'shop/gnu:http',
    ]);
    expect(ours(kernel, mode)).toBe(textOf(target(...several.filter((_, i) => ![1, 4, 6].includes(i)))));
  });

  it('a refusal of what all share stops, says what is in force, and changes no Service', async () => {
    const kernel = await running(cart());
    const before = kernel.save('IPv4', mode);
    kernel.faults = { refuses: (line) => line.includes('0x8000') };
    const other = assemble(iptables, [cart()], makeNode({ masqueradeBit: 15 })).program;
    const error = await failureOf(apply(kernel, { program: other, services: [] }));
    expect(error.reason).toBe('refused');
    expect(error.message).toMatch(mode === 'nft' ? /0x8000/ : /line \d+ failed/);
    const nat = (text: string) => text.slice(text.indexOf('*nat'));
    expect(nat(kernel.save('IPv4', mode))).toBe(nat(before));
    await converges(kernel, target(cart()));
  });

  it('killed half-way: said so, and the next apply goes on', async () => {
    const kernel = await running(cart(0));
    kernel.faults = { killAt: 3 };
    const error = await failureOf(apply(kernel, target(cart(2, 'cart', 2))));
    expect(error.reason).toBe('interrupted');
    expect(error.inForce).toContain('every packet has its old fate or its new one');
    await converges(kernel, target(cart(2, 'cart', 2)));
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
    await expect(apply(cutting, target(cart(3)))).rejects.toThrow('cut short');
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
    const kernel = await running(...several);
    kernel.restore('IPv4', text, mode);
    expect(ours(kernel, mode)).not.toBe(textOf(target(...several)));
    await converges(kernel, target(...several));
  });

  it('another writer flushes all tables between two applies', async () => {
    const kernel = await running(...several);
    kernel.load('IPv4', foreign, mode);
    await converges(kernel, target(...several));
  });

  it('another writer during an apply is noticed and set right', async () => {
    let once = false;
    const kernel = await running(...several);
    kernel.faults = {
      anotherWriter: (now, commands) => {
        if (once || commands < 3) return;
        once = true;
        now.restore('IPv4', '*nat\n:KUBE-SERVICES - [0:0]\nCOMMIT\n', mode);
      },
    };
    const report = await apply(kernel, target(...several.slice(0, 3)));
    expect(report.disturbances).toBe(1);
    expect(report.quarantined).toEqual([]);
    expect(ours(kernel, mode)).toBe(textOf(target(...several.slice(0, 3))));
  });

  it('another writer who never stops is reported, not fought for ever', async () => {
    const kernel = await running(...several);
    kernel.faults = {
      anotherWriter: (now) => now.restore('IPv4', '*nat\n:KUBE-SERVICES - [0:0]\nCOMMIT\n', mode),
    };
    const error = await failureOf(apply(kernel, target(...several)));
    expect(error.reason).toBe('disturbed');
    expect(error.message).toContain('another writer');
    await converges(kernel, target(...several));
  });

  it('without the tool nothing is changed, and it says which is missing', async () => {
    const kernel = createFakeKernel(mode, {
      missing: ['iptables', 'iptables-nft-save', 'iptables-legacy-save', 'iptables-save'],
    });
    await expect(apply(kernel, target(cart()))).rejects.toMatchObject({ reason: 'missing-tool' });
    const without = await running(cart());
    const before = without.save('IPv4', mode);
    without.faults = { missing: [`iptables-${mode}-restore`] };
    const error = await failureOf(apply(without, target(cart(3))));
    expect(error.reason).toBe('missing-tool');
    expect(error.inForce).toBe('The previous rules are still in force.');
    expect(without.save('IPv4', mode)).toBe(before);
  });

  it('without privilege nothing is changed, and it says what is needed', async () => {
    const kernel = await running(cart());
    const before = kernel.save('IPv4', mode);
    kernel.faults = { noPrivilege: true };
    await expect(apply(kernel, target(cart(3)))).rejects.toThrow('CAP_NET_ADMIN');
    expect(kernel.save('IPv4', mode)).toBe(before);
  });
});

describe('the lock', () => {
  it('is waited for, and tried again', async () => {
    const kernel = createFakeKernel('legacy', { lockedFor: 2 });
    await apply(kernel, target(cart()));
    expect(ours(kernel, 'legacy')).toBe(textOf(target(cart())));
    const restores = kernel.commands.filter(({ file }) => file.endsWith('-restore'));
    expect(restores.every(({ args }) => args.join(' ') === '--noflush -w 5')).toBe(true);
  });

  it('held for long: given up, and nothing was changed', async () => {
    const kernel = createFakeKernel('legacy');
    await apply(kernel, target(cart()));
    const before = kernel.save('IPv4', 'legacy');
    kernel.faults = { lockedFor: 100 };
    const error = await failureOf(apply(kernel, target(cart(3))));
    expect(error.reason).toBe('locked');
    expect(error.message).toContain('The previous rules are still in force.');
    expect(kernel.save('IPv4', 'legacy')).toBe(before);
  });
});

describe('a plan that was saved', () => {
  it('is performed as it was made', async () => {
    const kernel = createFakeKernel();
    await apply(kernel, target(cart()));
    const start = await observe(kernel.run, 'IPv4', ownChains);
    const plan = planLive(start, target(cart(3)), ownChains);
    const saved = JSON.parse(JSON.stringify(plan)) as typeof plan;
    await applyPlan(kernel.run, start, saved, ownChains);
    expect(ours(kernel)).toBe(textOf(target(cart(3))));
  });

  it('is refused where anything of ours has changed since', async () => {
    const kernel = createFakeKernel();
    await apply(kernel, target(cart()));
    const plan = planLive(await observe(kernel.run, 'IPv4', ownChains), target(cart(3)), ownChains);
    kernel.restore('IPv4', '*nat\n-A KUBE-SERVICES -s 192.0.2.9/32 -j RETURN\nCOMMIT\n');
    const before = kernel.save('IPv4');
    const error = await failureOf(applyPlan(kernel.run, await observe(kernel.run, 'IPv4', ownChains), plan, ownChains));
    expect(error.reason).toBe('changed-since');
    expect(kernel.save('IPv4')).toBe(before);
  });
});
