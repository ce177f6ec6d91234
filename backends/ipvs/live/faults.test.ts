import { scopeFor } from '../../../test/helpers/scope.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { IpAddress } from '../../../compiler/values/address.ts';
import { defaultSettings } from '../../../compiler/settings.ts';
import { arbitraryServices } from '../../../test/helpers/arbitrary-ir.ts';
import { cidr, clusterIP, endpoint, makeIR, makeNode, port, service } from '../../../test/helpers/ir.ts';
import { assemble } from '../../assemble.ts';
import { applyProgram, type IpvsApplyOptions } from './apply.ts';
import { conflictText } from '../plan/conflicts.ts';
import { createFakeIpvsKernel, type FakeIpvsKernel, type IpvsFaults } from '../fake/kernel.ts';
import { checkHost } from './host.ts';
import { ipvs } from '../index.ts';
import type { Scope } from '../../target.ts';
import { saveServers } from '../fake/ipvsadm.ts';
import { saveSets } from '../fake/ipset.ts';

const node = makeNode();
const cart = makeIR([clusterIP('10.96.0.1', 80)], [endpoint('10.1.0.1:80'), endpoint('10.2.0.1:80')], named('cart'));
const mail = makeIR([clusterIP('10.96.0.2', 25)], [endpoint('10.1.0.2:25')], named('mail'));

function named(name: string): Partial<ServicePortIR> {
  return { service: service(`shop/${name}`), id: `shop/${name}:http/TCP/IPv4` as ServicePortIR['id'] };
}

function apply(
  kernel: FakeIpvsKernel,
  services: readonly ServicePortIR[],
  { takeOver = false, excludeCidrs = [], ...options }: IpvsApplyOptions & Partial<Scope> = {},
) {
  const { program } = assemble(ipvs, services, node);
  const scope = scopeFor('IPv4', { takeOver, excludeCidrs });
  return applyProgram(kernel.run, scope, { program, services }, options);
}

/** All that a kernel holds, but for time that passes. */
function state(kernel: FakeIpvsKernel): string {
  return [
    saveServers(kernel.servers),
    saveSets(kernel.sets),
    kernel.link === undefined ? 'no link' : `link ${kernel.link.toSorted().join(' ')}`,
    kernel.netfilter.save('IPv4'),
  ].join('\n');
}

async function failure(promise: Promise<unknown>): Promise<{ readonly reason?: string; readonly message: string }> {
  return promise.then(
    () => expect.unreachable('it must not succeed'),
    (error: Error & { readonly reason?: string }) => error,
  );
}

describe('what is missing is named before anything is changed', () => {
  const cases: readonly (readonly [string, IpvsFaults, RegExp])[] = [
    ['IPVS', { noIpvs: true }, /modules ip_vs, ip_vs_rr .*nf_conntrack.*dummy/],
    ['ipvsadm', { missing: ['ipvsadm'] }, /ipvsadm.*not installed/],
    ['ipset', { missing: ['ipset'] }, /ipset.*not installed/],
    ['the privilege', { noPrivilege: true }, /not permitted/],
  ];
  it.each(cases)('%s', async (_, faults, message) => {
    const kernel = createFakeIpvsKernel(faults);
    expect((await failure(checkHost(kernel.run, defaultSettings.ipvs))).message).toMatch(message);
    expect((await failure(apply(kernel, [cart]))).message).toMatch(message);
    kernel.faults = {};
    expect(state(kernel)).toBe(state(createFakeIpvsKernel()));
  });

  it('a scheduler whose module is not there', async () => {
    const kernel = createFakeIpvsKernel();
    kernel.schedulers.delete('sed');
    const error = await failure(checkHost(kernel.run, { ...defaultSettings.ipvs, scheduler: 'sed' }));
    expect(error.message).toMatch(/no scheduler sed.*ip_vs_sed.*nothing was changed/);
    expect(kernel.servers.size).toBe(0);
  });

  it('and a host that has all of it is left as it was', async () => {
    const kernel = createFakeIpvsKernel();
    await checkHost(kernel.run, defaultSettings.ipvs);
    expect(kernel.servers.size).toBe(0);
  });
});

describe('what others have', () => {
  /** A server, a set, an address on another link than slicewright's, and another program's rule. */
  function withOthers(): FakeIpvsKernel {
    const kernel = createFakeIpvsKernel();
    const web = {
      name: '-t 192.0.2.9:80',
      options: '-s wlc',
      reals: new Map([['10.9.0.1:80', { options: '-g', weight: 5 }]]),
    };
    kernel.servers = new Map([[web.name, web]]);
    kernel.sets = new Map([['blocked', { type: 'hash:ip', options: 'family inet maxelem 10', entries: new Map() }]]);
    kernel.netfilter.restore('IPv4', '*filter\n-A INPUT -s 192.0.2.66/32 -j DROP\nCOMMIT\n*nat\nCOMMIT\n');
    return kernel;
  }

  it('stays, whatever we apply and remove', async () => {
    const kernel = withOthers();
    const before = state(kernel);
    await fc.assert(
      fc.asyncProperty(arbitraryServices(), async (services) => {
        await apply(kernel, services);
        expect(saveServers(kernel.servers)).toContain('-a -t 192.0.2.9:80 -r 10.9.0.1:80 -g -w 5');
        await applyProgram(kernel.run, scopeFor('IPv4'), { program: undefined, services: [] });
        expect(state(kernel)).toBe(before);
      }),
      { numRuns: 10 },
    );
  });

  it('at an address of a Service is left alone; the Service is named and the others serve', async () => {
    const kernel = withOthers();
    const taken = { name: '-t 10.96.0.1:80', options: '-s sh', reals: new Map() };
    kernel.servers = new Map([...kernel.servers, [taken.name, taken]]);
    const { conflicts } = await apply(kernel, [cart, mail]);
    expect(conflicts.map(conflictText)).toEqual([
      expect.stringMatching(
        /another program made the virtual server "-t 10\.96\.0\.1:80 -s sh" at an address of shop\/cart:http/,
      ),
    ]);
    expect(saveServers(kernel.servers)).toContain('-A -t 10.96.0.1:80 -s sh\n');
    expect(saveServers(kernel.servers)).toContain('-a -t 10.96.0.2:25 -r 10.1.0.2:25 -m -w 1\n');
    expect(kernel.link).toEqual(['10.96.0.2']);

    // A take-over counts it as slicewright's, and so it serves.
    expect((await apply(kernel, [cart, mail], { takeOver: true })).conflicts).toEqual([]);
    expect(saveServers(kernel.servers)).toContain('-a -t 10.96.0.1:80 -r 10.2.0.1:80 -m -w 1\n');
  });

  it('goes with the rest of a kube-proxy that is replaced, except in excluded ranges', async () => {
    const kernel = withOthers();
    kernel.link = ['10.96.7.7', '10.96.8.8'] as IpAddress[];
    for (const name of ['-t 10.96.7.7:80', '-t 10.96.8.8:80']) {
      kernel.servers = new Map([...kernel.servers, [name, { name, options: '-s rr', reals: new Map() }]]);
    }
    await apply(kernel, [cart], { takeOver: true, excludeCidrs: [cidr('10.96.8.0/24')] });
    expect([...kernel.servers.keys()]).toEqual(['-t 192.0.2.9:80', '-t 10.96.8.8:80', '-t 10.96.0.1:80']);
  });

  it('a set with a slicewright name and another type stops everything before it begins', async () => {
    const kernel = withOthers();
    const other = { type: 'hash:ip', options: 'family inet maxelem 10', entries: new Map() };
    kernel.sets = new Map([...kernel.sets, ['KUBE-CLUSTER-IP', other]]);
    const before = state(kernel);
    const error = await failure(apply(kernel, [cart]));
    expect(error.message).toMatch(
      /set KUBE-CLUSTER-IP is a "hash:ip family inet maxelem 10" but slicewright needs a "hash:ip,port/,
    );
    expect(state(kernel)).toBe(before);
  });

  it('chains of a kube-proxy are not replaced unasked', async () => {
    const kernel = withOthers();
    kernel.netfilter.restore('IPv4', '*nat\n:KUBE-SERVICES - [0:0]\n-A PREROUTING -j KUBE-SERVICES\nCOMMIT\n');
    const before = state(kernel);
    expect((await failure(apply(kernel, [cart]))).message).toMatch(/seem to be a kube-proxy's.*--take-over/);
    expect(state(kernel)).toBe(before);
    await apply(kernel, [cart], { takeOver: true });
    expect(kernel.netfilter.save('IPv4')).toContain('KUBE-CLUSTER-IP');
  });
});

describe('a line that the kernel rejects', () => {
  it('leaves its Service as it was, and everything else goes on', async () => {
    const kernel = createFakeIpvsKernel();
    await apply(kernel, [cart]);
    kernel.faults = { refuses: (file, line) => file === 'ipvsadm' && line.includes('10.3.0.1:80') };
    const moved = makeIR([clusterIP('10.96.0.1', 80)], [endpoint('10.3.0.1:80')], named('cart'));
    const { quarantined } = await apply(kernel, [moved, mail]);
    expect(quarantined).toMatchObject([
      { service: 'shop/cart:http/TCP/IPv4', line: expect.stringContaining('10.3.0.1:80') },
    ]);
    expect(saveServers(kernel.servers)).toBe(
      [
        '-A -t 10.96.0.1:80 -s rr',
        '-a -t 10.96.0.1:80 -r 10.1.0.1:80 -m -w 1',
        '-a -t 10.96.0.1:80 -r 10.2.0.1:80 -m -w 1',
        '-A -t 10.96.0.2:25 -s rr',
        '-a -t 10.96.0.2:25 -r 10.1.0.2:25 -m -w 1',
        '',
      ].join('\n'),
    );
  });

  it('of a Service that is new leaves nothing of it', async () => {
    const kernel = createFakeIpvsKernel();
    kernel.faults = { refuses: (file, line) => file === 'ipvsadm' && line.startsWith('-A -t 10.96.0.1:80') };
    const { quarantined } = await apply(kernel, [cart, mail]);
    expect(quarantined.map(({ service: id }) => id)).toEqual(['shop/cart:http/TCP/IPv4']);
    expect(kernel.link).toEqual(['10.96.0.2']);
    expect(saveSets(kernel.sets)).not.toContain('10.96.0.1');
  });

  it('of a set is traced to its Service', async () => {
    const kernel = createFakeIpvsKernel();
    await apply(kernel, [mail]);
    kernel.faults = { refuses: (file, line) => file === 'ipset' && line === 'add KUBE-CLUSTER-IP 10.96.0.1,tcp:80' };
    const { quarantined } = await apply(kernel, [cart, mail]);
    expect(quarantined).toMatchObject([{ service: 'shop/cart:http/TCP/IPv4' }]);
    expect(kernel.link).toEqual(['10.96.0.2']);
  });
});

describe('an entry that is refused costs its Service and no other', () => {
  const external = { kind: 'nodePort', port: port(30080) } as const;
  const shop = makeIR([clusterIP('10.96.0.9', 80), external], [endpoint('10.1.0.9:8080', { masquerade: true })], {
    ...named('shop'),
    healthCheckNodePort: port(31000),
    keepClientAddress: true,
  });
  const refused: readonly string[] = [
    'add KUBE-LOOP-BACK 10.1.0.9,tcp:8080,10.1.0.9',
    'add SLICEWRIGHT-MASQUERADE 10.1.0.9,tcp:8080',
    'add KUBE-CLUSTER-IP 10.96.0.9,tcp:80',
    'add KUBE-NODE-PORT-TCP 30080',
    'add KUBE-NODE-PORT-LOCAL-TCP 30080',
    'add KUBE-HEALTH-CHECK-NODE-PORT 31000',
    'add KUBE-IPVS-IPS 10.96.0.9',
    'add SLICEWRIGHT-FRONTENDS 10.96.0.9,tcp:80',
  ];

  it.each(refused)('%s', async (line) => {
    for (const refusal of ['Kernel error received: Cannot allocate memory', 'Hash is full, cannot add more elements']) {
      const kernel = createFakeIpvsKernel();
      await apply(kernel, [mail]);
      kernel.faults = { refusal, refuses: (file, text) => file === 'ipset' && text.startsWith(line) };
      const { quarantined } = await apply(kernel, [cart, mail, shop]);
      expect(quarantined.map(({ service: id }) => id)).toEqual(['shop/shop:http/TCP/IPv4']);
      expect(kernel.link?.toSorted()).toEqual(['10.96.0.1', '10.96.0.2']);
      expect(state(kernel)).not.toMatch(/10\.96\.0\.9|10\.1\.0\.9|30080|31000/);

      kernel.faults = {};
      await apply(kernel, [cart, mail, shop]);
      expect(kernel.link?.toSorted()).toEqual(['10.96.0.1', '10.96.0.2', '10.96.0.9']);
      await apply(kernel, [mail]);
      expect(saveSets(kernel.sets)).not.toMatch(/10\.96\.0\.9|10\.1\.0\.9|30080|31000/);
    }
  });

  it('and leaves the address of one bound that drops everything, and so has no virtual server', async () => {
    const kernel = createFakeIpvsKernel();
    const internal = { kind: 'drop', why: 'no-local-endpoints' } as const;
    const local = makeIR([clusterIP('10.96.0.3', 80)], [endpoint('10.1.0.3:80')], { ...named('local'), internal });
    await apply(kernel, [local, mail]);
    kernel.faults = { refuses: (file, text) => file === 'ipset' && text.startsWith('add KUBE-LOOP-BACK 10.1.0.9,') };
    await apply(kernel, [local, mail, shop]);
    expect(kernel.link?.toSorted()).toEqual(['10.96.0.2', '10.96.0.3']);
  });

  it('and leaves a Service that was there with its endpoints and node port', async () => {
    const kernel = createFakeIpvsKernel();
    await apply(kernel, [mail, shop]);
    const before = state(kernel);
    kernel.faults = { refuses: (file, text) => file === 'ipset' && text.startsWith('add KUBE-LOOP-BACK 10.1.0.8,') };
    const moved = makeIR([clusterIP('10.96.0.9', 80), external], [endpoint('10.1.0.8:8080')], named('shop'));
    const { quarantined } = await apply(kernel, [mail, moved]);
    expect(quarantined.map(({ service: id }) => id)).toEqual(['shop/shop:http/TCP/IPv4']);
    const entries = (text: string) => text.split('\n').filter((line) => /30080|10\.1\.0\.9|10\.96\.0\.9/.test(line));
    expect(entries(state(kernel)).sort()).toEqual(entries(before).sort());
  });
});

describe('someone else at our things', () => {
  async function served(): Promise<{ readonly kernel: FakeIpvsKernel; readonly right: string }> {
    const kernel = createFakeIpvsKernel();
    await apply(kernel, [cart, mail]);
    return { kernel, right: state(kernel) };
  }

  const meddling: readonly (readonly [string, (kernel: FakeIpvsKernel) => void])[] = [
    ['deletes kube-ipvs0', (kernel) => void (kernel.link = undefined)],
    ['unbinds an address', (kernel) => void (kernel.link = ['10.96.0.2' as IpAddress])],
    ['flushes IPVS', (kernel) => void (kernel.servers = new Map())],
    ['changes a weight', (kernel) => meddle(kernel, (text) => ({ ...text, weight: 9 }))],
    ['flushes a set', (kernel) => edit(kernel, 'KUBE-CLUSTER-IP', { entries: new Map() })],
    ['fills a set', (kernel) => edit(kernel, 'KUBE-CLUSTER-IP', { entries: new Map([['9.9.9.9,tcp:9', undefined]]) })],
    ['flushes a chain', (kernel) => kernel.netfilter.restore('IPv4', '*nat\n:KUBE-SERVICES - [0:0]\nCOMMIT\n')],
    ['deletes a hook', (kernel) => kernel.netfilter.restore('IPv4', `*nat\n-D PREROUTING ${hook}\nCOMMIT\n`)],
  ];
  const hook = '-m comment --comment "kubernetes service portals" -j KUBE-SERVICES';

  it.each(meddling)('%s: the next apply sets it right', async (_, change) => {
    const { kernel, right } = await served();
    change(kernel);
    expect(sorted(state(kernel))).not.toBe(sorted(right));
    await apply(kernel, [cart, mail]);
    expect(sorted(state(kernel))).toBe(sorted(right));
  });

  it.each(meddling)('%s while we apply: it is right in the end', async (_, change) => {
    for (const at of [0, 2, 4, 6]) {
      const { kernel, right } = await served();
      await applyProgram(kernel.run, scopeFor('IPv4'), { program: undefined, services: [] });
      const first = kernel.scripts.length;
      kernel.faults = { anotherWriter: (_kernel, scripts) => scripts === first + at && tryTo(() => change(kernel)) };
      await apply(kernel, [cart, mail]).catch(() => {});
      kernel.faults = {};
      await apply(kernel, [cart, mail]);
      expect(sorted(state(kernel))).toBe(sorted(right));
    }
  });

  it('makes a set too small: a larger one is swapped in', async () => {
    const { kernel, right } = await served();
    edit(kernel, 'KUBE-CLUSTER-IP', { options: 'family inet maxelem 2' });
    const third = makeIR([clusterIP('10.96.0.3', 80)], [endpoint('10.1.0.3:80')], named('third'));
    await apply(kernel, [cart, mail, third]);
    const [grown] = [...kernel.sets].filter(([name]) => name === 'KUBE-CLUSTER-IP').map(([, set]) => set);
    expect(grown).toMatchObject({ options: 'family inet maxelem 65536' });
    expect([...(grown?.entries.keys() ?? [])]).toEqual(['10.96.0.1,tcp:80', '10.96.0.2,tcp:25', '10.96.0.3,tcp:80']);
    expect(saveSets(kernel.sets)).not.toContain('kube-cluster-ip');
    await apply(kernel, [cart, mail]);
    expect(sorted(state(kernel))).toBe(sorted(right));
  });
});

function meddle(
  kernel: FakeIpvsKernel,
  change: (real: { options: string; weight: number }) => { options: string; weight: number },
) {
  const servers = [...kernel.servers].map(
    ([name, server]) =>
      [
        name,
        { ...server, reals: new Map([...server.reals].map(([key, real]) => [key, change({ ...real })])) },
      ] as const,
  );
  kernel.servers = new Map(servers);
}

function edit(
  kernel: FakeIpvsKernel,
  name: string,
  change: Partial<{ options: string; entries: Map<string, undefined> }>,
) {
  const set = kernel.sets.get(name);
  if (set !== undefined) kernel.sets = new Map([...kernel.sets, [name, { ...set, ...change }]]);
}

function tryTo(change: () => void): void {
  try {
    change();
  } catch {
    // What is not there yet cannot be damaged.
  }
}

function sorted(text: string): string {
  return text.split('\n').sort().join('\n');
}

describe('an apply that is killed', () => {
  it('anywhere leaves what the next one sets right', async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryServices(),
        arbitraryServices(),
        fc.nat(12),
        fc.nat(8),
        async (before, after, at, line) => {
          const kernel = createFakeIpvsKernel();
          await apply(kernel, before);
          kernel.faults = { killAt: { script: kernel.scripts.length + at + 1, line } };
          await apply(kernel, after).catch(() => {});
          kernel.faults = {};
          const { observed } = await apply(kernel, after);
          const fresh = createFakeIpvsKernel();
          await apply(fresh, after);
          expect(observed.servers).toEqual((await apply(fresh, after)).observed.servers);
          expect(sorted(state(kernel))).toBe(sorted(state(fresh)));
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('draining', () => {
  const busy = '-t 10.96.0.1:80 -r 10.2.0.1:80';
  const without = makeIR([clusterIP('10.96.0.1', 80)], [endpoint('10.1.0.1:80')], named('cart'));

  async function started(): Promise<FakeIpvsKernel> {
    const kernel = createFakeIpvsKernel();
    await apply(kernel, [cart]);
    kernel.connections.set(busy, 2);
    return kernel;
  }

  it('keeps a real server with weight 0 while it has connections, and deletes it when they are gone', async () => {
    const kernel = await started();
    expect(await apply(kernel, [without])).toMatchObject({ draining: 1, drainingSeconds: 900 });
    expect(saveServers(kernel.servers)).toContain(`-a ${busy} -m -w 0`);
    expect((await apply(kernel, [without])).steps).toBe(0);
    kernel.connections.clear();
    expect(await apply(kernel, [without])).toMatchObject({ draining: 0 });
    expect(saveServers(kernel.servers)).not.toContain(busy);
  });

  it('ends when its time is up', async () => {
    const kernel = await started();
    await apply(kernel, [without]);
    kernel.pass(899);
    expect(await apply(kernel, [without])).toMatchObject({ draining: 1, drainingSeconds: 1 });
    kernel.pass(1);
    await apply(kernel, [without]);
    expect(saveServers(kernel.servers)).not.toContain(busy);
  });

  it('ends in place when the endpoint returns', async () => {
    const kernel = await started();
    await apply(kernel, [without]);
    const scripts = kernel.scripts.length;
    await apply(kernel, [cart]);
    expect(saveServers(kernel.servers)).toContain(`-a ${busy} -m -w 1`);
    const lines = kernel.scripts
      .slice(scripts)
      .map(({ text }) => text)
      .join('');
    expect(lines).toContain(`-e ${busy} -m -w 1`);
    expect(lines).not.toContain(`-d ${busy}`);
    expect(saveSets(kernel.sets)).not.toMatch(/^add SLICEWRIGHT-DRAINING/m);
  });

  it('keeps the virtual server, its address and its entries of a Service that is gone', async () => {
    const kernel = await started();
    await apply(kernel, []);
    expect(saveServers(kernel.servers)).toBe(`-A -t 10.96.0.1:80 -s rr\n-a ${busy} -m -w 0\n`);
    expect(kernel.link).toEqual(['10.96.0.1']);
    expect(saveSets(kernel.sets)).toContain('add KUBE-CLUSTER-IP 10.96.0.1,tcp:80');
    kernel.connections.clear();
    await apply(kernel, []);
    expect(saveServers(kernel.servers)).toBe('');
    expect(kernel.link).toEqual([]);
    expect(saveSets(kernel.sets)).not.toContain('10.96.0.1');
  });

  it('is not for UDP, which has no connections to end', async () => {
    const kernel = createFakeIpvsKernel();
    const udp = (ir: ServicePortIR) => ({ ...ir, protocol: 'UDP' as const });
    await apply(kernel, [udp(cart)]);
    kernel.connections.set('-u 10.96.0.1:80 -r 10.2.0.1:80', 2);
    expect(await apply(kernel, [udp(without)])).toMatchObject({ draining: 0 });
    expect(saveServers(kernel.servers)).not.toContain('10.2.0.1:80');
  });

  it('is cut short where that is asked for', async () => {
    const kernel = await started();
    expect(await apply(kernel, [without], { cut: true })).toMatchObject({ draining: 0 });
    expect(saveServers(kernel.servers)).toBe('-A -t 10.96.0.1:80 -s rr\n-a -t 10.96.0.1:80 -r 10.1.0.1:80 -m -w 1\n');
  });

  it('is cut short by a clean-up that is asked to', async () => {
    const kernel = await started();
    await applyProgram(kernel.run, scopeFor('IPv4'), { program: undefined, services: [] }, { cut: true });
    expect(kernel.servers.size).toBe(0);
    expect(kernel.sets.size).toBe(0);
    expect(kernel.link).toBeUndefined();
  });
});
