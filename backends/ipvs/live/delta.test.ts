import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import { compareText } from '../../../compiler/values/names.ts';
import { arbitraryServices } from '../../../test/helpers/arbitrary-ir.ts';
import {
  address,
  cidr,
  clusterIP,
  endpoint,
  makeIR,
  makeNode,
  port,
  rehashed,
  service,
} from '../../../test/helpers/ir.ts';
import { planeOf } from '../../../test/helpers/scope.ts';
import type { Run } from '../../command.ts';
import { saveSets } from '../fake/ipset.ts';
import { saveServers } from '../fake/ipvsadm.ts';
import { createFakeIpvsKernel, type FakeIpvsKernel, type IpvsFaults } from '../fake/kernel.ts';

const node = makeNode();

/** All that a kernel holds, in no order, and but for time that passes. */
function state(kernel: FakeIpvsKernel): string[] {
  const text = [saveServers(kernel.servers), saveSets(kernel.sets), kernel.netfilter.save('IPv4')].join('');
  const link = kernel.link === undefined ? ['no link'] : kernel.link.map((address) => `bound ${address}`);
  return [...text.split('\n'), ...link].map((line) => line.replace(/ timeout \d+/, '')).sort();
}

/** A kernel, an agent's plane before it, and what that runs. */
function openPlane(kernel = createFakeIpvsKernel()) {
  let ms = 0;
  const commands: { readonly command: string; readonly script: string; readonly shown: string }[] = [];
  const run: Run = async (file, args, input = '') => {
    const result = await kernel.run(file, args, input);
    commands.push({ command: [file, ...args].join(' '), script: input, shown: result.stdout });
    return result;
  };
  const plane = planeOf('ipvs', { run, nowMs: () => ms });
  return {
    kernel,
    plane,
    /** Those since it was asked last. */
    take: () => commands.splice(0),
    pass(seconds: number) {
      ms += seconds * 1000;
      kernel.pass(seconds);
    },
  };
}

function target(services: readonly ServicePortIR[]) {
  return { services: services.map(rehashed).toSorted((a, b) => compareText(a.id, b.id)), node };
}

const drop = { kind: 'drop', why: 'no-local-endpoints' } as const;

/** They stay as they are, and are of all kinds, so that no change makes the first of a kind, or takes the last. */
const standing: readonly ServicePortIR[] = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => {
  const [isUdp, keepClientAddress, isDropped] = [i % 2 === 1, i % 4 > 1, i > 3];
  const isLocal = keepClientAddress && isDropped;
  const one = endpoint(`10.2.0.${i + 1}:80`, { masquerade: true });
  return makeIR(
    [
      clusterIP(`10.97.0.${i + 1}`, 80),
      { kind: 'externalIP', address: address(`203.0.113.${100 + i}`), port: port(80) },
      { kind: 'nodePort', port: port(31500 + i) },
      {
        kind: 'loadBalancerIP',
        address: address(`192.0.2.${200 + i}`),
        port: port(80),
        sourceRanges: [cidr('192.168.0.0/16')],
      },
    ],
    [one],
    {
      service: service(`shop/zz${i}`),
      protocol: isUdp ? 'UDP' : 'TCP',
      keepClientAddress,
      internal: isDropped ? drop : { kind: 'forward', pool: 'cluster' },
      external: isLocal ? drop : { kind: 'forward', pool: 'cluster' },
      healthCheckNodePort: keepClientAddress ? port(31600 + i) : undefined,
    },
  );
});

const cart = (...endpoints: string[]) =>
  makeIR(
    [clusterIP('10.96.0.1', 80)],
    endpoints.map((one) => endpoint(one)),
    { service: service('shop/cart') },
  );
const mail = (...endpoints: string[]) =>
  makeIR(
    [clusterIP('10.96.0.2', 25)],
    endpoints.map((one) => endpoint(one)),
    { service: service('shop/mail') },
  );

/** Looks as often as something leaves, as the agent does. */
async function settle({ plane, pass }: ReturnType<typeof openPlane>, wanted: ReturnType<typeof target>): Promise<void> {
  for (let i = 0; i < 5; i++) {
    const { againInMs } = await plane.sync(wanted, 'delta');
    if (againInMs === undefined) return;
    pass(2);
  }
  expect.unreachable('nothing should be left that waits');
}

describe('a change that is counted', () => {
  it('leads where a full sync leads, from any state to any other, whatever still has connections', async () => {
    let [counted, all] = [0, 0];
    const states = fc
      .tuple(
        fc.array(arbitraryServices(), { minLength: 2, maxLength: 6 }),
        fc.constantFrom('counted', 'counted', 'counted', 'few', 'with filters'),
      )
      .map(([lists, kind]) =>
        lists.map((list) => [
          // A filter for one Service alone changes a chain, which takes a full sync.
          ...(kind === 'with filters' ? list : list.map(openToNode)),
          // So does the first of a kind, and the last.
          ...(kind === 'few' ? [] : standing),
        ]),
      );
    await fc.assert(
      fc.asyncProperty(states, fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }), async (lists, isUsed) => {
        const [first, ...rest] = lists.map(target);
        if (first === undefined) return;
        const agent = openPlane();
        await agent.plane.sync(first, 'full');
        for (const [i, wanted] of rest.entries()) {
          // Either every endpoint has connections, or none has.
          agent.kernel.connections = new Map(isUsed[i] === true ? connectionsOf(agent.kernel) : []);
          const { depth, deltaRefused } = await agent.plane.sync(wanted, 'delta');
          expect(deltaRefused).toBe(false);
          all++;
          if (depth === 'delta') counted++;
          if (i % 2 === 0) {
            agent.kernel.connections.clear();
            await settle(agent, wanted);
            const other = openPlane();
            await other.plane.sync(wanted, 'full');
            await settle(other, wanted);
            expect(state(agent.kernel)).toEqual(state(other.kernel));
            expect(await agent.plane.sync(wanted, 'full')).toMatchObject({ documents: 0, drift: [] });
          }
        }
      }),
      { numRuns: 40 },
    );
    // Many changes are counted.
    expect(counted).toBeGreaterThan(all / 4);
  });

  it('takes two processes and two lines for an endpoint that comes, and reads nothing', async () => {
    const { plane, take } = openPlane();
    await plane.sync(target([cart('10.1.0.1:80'), ...standing]), 'full');
    take();
    await plane.sync(target([cart('10.1.0.1:80', '10.1.0.2:80'), ...standing]), 'delta');
    expect(take()).toEqual([
      { command: 'ipset -exist restore', script: 'add KUBE-LOOP-BACK 10.1.0.2,tcp:80,10.1.0.2\n', shown: '' },
      { command: 'ipvsadm --restore', script: '-a -t 10.96.0.1:80 -r 10.1.0.2:80 -m -w 1\n', shown: '' },
    ]);
  });

  it('takes two for an endpoint that goes, and a look at its virtual server alone until its connections have ended', async () => {
    const { plane, kernel, take, pass } = openPlane();
    await plane.sync(target([cart('10.1.0.1:80', '10.1.0.2:80'), ...standing]), 'full');
    kernel.connections.set('-t 10.96.0.1:80 -r 10.1.0.2:80', 3);
    take();
    const less = target([cart('10.1.0.1:80'), ...standing]);
    expect(await plane.sync(less, 'delta')).toMatchObject({ depth: 'delta', documents: 2, lines: 2, againInMs: 2000 });
    expect(take().map(({ script }) => script)).toEqual([
      'add SLICEWRIGHT-DRAINING 10.96.0.1,tcp:80,10.1.0.2 timeout 900\n',
      '-e -t 10.96.0.1:80 -r 10.1.0.2:80 -m -w 0\n',
    ]);
    pass(2);
    expect(await plane.sync(less, 'delta')).toMatchObject({ documents: 0, againInMs: 2000 });
    const looks = take();
    expect(looks.map(({ command }) => command)).toEqual(['ipvsadm --list -n -t 10.96.0.1:80']);
    expect(looks[0]?.shown).not.toContain('10.97.0.1');
    kernel.connections.clear();
    expect(await plane.sync(less, 'delta')).toMatchObject({ documents: 2, lines: 3, againInMs: undefined });
    expect(await plane.sync(less, 'full')).toMatchObject({ documents: 0, drift: [] });
  });

  it('takes two for an endpoint in the place of another, where a third one stays', async () => {
    const { plane, take } = openPlane();
    await plane.sync(target([cart('10.1.0.1:80', '10.1.0.2:80'), ...standing]), 'full');
    take();
    const wanted = target([cart('10.1.0.1:80', '10.1.0.3:80'), ...standing]);
    expect(await plane.sync(wanted, 'delta')).toMatchObject({ depth: 'delta', documents: 2, lines: 4 });
    expect(take().map(({ script }) => script)).toEqual([
      'add KUBE-LOOP-BACK 10.1.0.3,tcp:80,10.1.0.3\nadd SLICEWRIGHT-DRAINING 10.96.0.1,tcp:80,10.1.0.2 timeout 900\n',
      '-a -t 10.96.0.1:80 -r 10.1.0.3:80 -m -w 1\n-e -t 10.96.0.1:80 -r 10.1.0.2:80 -m -w 0\n',
    ]);
  });

  it('takes the weight of the only endpoint once the one in its place is in force', async () => {
    const { plane, take } = openPlane();
    await plane.sync(target([cart('10.1.0.1:80'), ...standing]), 'full');
    take();
    await plane.sync(target([cart('10.1.0.2:80'), ...standing]), 'delta');
    expect(take().flatMap(({ command, script }) => (command.startsWith('ipvsadm') ? [script] : []))).toEqual([
      '-a -t 10.96.0.1:80 -r 10.1.0.2:80 -m -w 1\n',
      '-e -t 10.96.0.1:80 -r 10.1.0.1:80 -m -w 0\n',
    ]);
  });

  it('ends connections that last longer than they may', async () => {
    const agent = openPlane();
    const { plane, kernel, pass } = agent;
    await plane.sync(target([cart('10.1.0.1:80', '10.1.0.2:80'), ...standing]), 'full');
    kernel.connections.set('-t 10.96.0.1:80 -r 10.1.0.2:80', 3);
    const less = target([cart('10.1.0.1:80'), ...standing]);
    await plane.sync(less, 'delta');
    pass(890);
    expect(await plane.sync(less, 'delta')).toMatchObject({ documents: 0 });
    pass(20);
    expect(await plane.sync(less, 'delta')).toMatchObject({ depth: 'delta', againInMs: undefined });
    expect(saveServers(kernel.servers)).not.toContain('10.1.0.2');
  });

  it('keeps the address of a Service that went while it is in use, and an endpoint that comes back is raised in its place', async () => {
    const agent = openPlane();
    const { plane, kernel, pass } = agent;
    const both = target([cart('10.1.0.1:80'), mail('10.1.0.2:25'), ...standing]);
    await plane.sync(both, 'full');
    kernel.connections.set('-t 10.96.0.1:80 -r 10.1.0.1:80', 1);
    const less = target([mail('10.1.0.2:25'), ...standing]);
    await plane.sync(less, 'delta');
    pass(2);
    await plane.sync(less, 'delta');
    expect(kernel.link).toContain('10.96.0.1');
    expect(saveServers(kernel.servers)).toContain('-a -t 10.96.0.1:80 -r 10.1.0.1:80 -m -w 0\n');
    expect(await plane.sync(both, 'delta')).toMatchObject({ depth: 'delta', againInMs: undefined });
    expect(saveServers(kernel.servers)).toContain('-a -t 10.96.0.1:80 -r 10.1.0.1:80 -m -w 1\n');
    expect(await plane.sync(both, 'full')).toMatchObject({ documents: 0, drift: [] });
    kernel.connections.clear();
    await settle(agent, less);
    expect(kernel.link).not.toContain('10.96.0.1');
  });
});

/** The same, and the node may reach it. */
function openToNode(ir: ServicePortIR): ServicePortIR {
  const frontends = ir.frontends.map((one) =>
    one.kind === 'loadBalancerIP' && one.sourceRanges.length > 0
      ? { ...one, sourceRanges: [...one.sourceRanges, cidr('192.168.0.0/16')] }
      : one,
  );
  return { ...ir, frontends };
}

/** One to every real server. */
function connectionsOf({ servers }: FakeIpvsKernel): [string, number][] {
  return [...servers.values()].flatMap(({ name, reals }) =>
    [...reals.keys()].map((real): [string, number] => [`${name} -r ${real}`, 1]),
  );
}

describe('a change that is not counted', () => {
  const wide = (...frontends: ServicePortIR['frontends']) =>
    makeIR([clusterIP('10.96.0.1', 80), ...frontends], [endpoint('10.1.0.1:80')], { service: service('shop/cart') });
  const atNode = { kind: 'externalIP', address: address('192.168.0.10'), port: port(31500) } as const;
  const restricted = {
    kind: 'loadBalancerIP',
    address: address('192.0.2.1'),
    port: port(80),
    sourceRanges: [cidr('198.51.100.0/24')],
  } as const;
  const cases: readonly (readonly [string, ServicePortIR, readonly ServicePortIR[]])[] = [
    ['takes the place of a node port, and leaves it', wide(atNode), standing],
    [
      'takes the place of a node port without a virtual server',
      makeIR([clusterIP('10.96.0.1', 80), atNode], [], {
        service: service('shop/cart'),
        external: drop,
        keepClientAddress: true,
      }),
      standing,
    ],
    ['brings a rule of its own', wide(restricted), standing],
    ['is the first and the last of its kind', wide({ kind: 'nodePort', port: port(30000) }), []],
    ['claims what another Service has', wide({ ...atNode, address: address('10.97.0.1'), port: port(80) }), standing],
  ];
  it.each(cases)('%s', async (_, cartWith, others) => {
    const agent = openPlane();
    const other = openPlane();
    const states = [wide(), cartWith, wide()].map((one) => target([one, ...others]));
    for (const [i, wanted] of states.entries()) {
      const { depth, deltaRefused } = await agent.plane.sync(wanted, i === 0 ? 'full' : 'delta');
      expect([depth, deltaRefused]).toEqual(['full', false]);
      await other.plane.sync(wanted, 'full');
      await settle(agent, wanted);
      await settle(other, wanted);
      expect(state(agent.kernel)).toEqual(state(other.kernel));
    }
  });
});

describe('a change that goes wrong', () => {
  const before = target([cart('10.1.0.1:80'), mail('10.1.0.2:25'), ...standing]);
  const after = target([cart('10.1.0.3:80'), mail('10.1.0.2:25', '10.1.0.4:25'), ...standing]);
  /** Which of its scripts is killed, after how many lines. */
  const deaths = [
    ...[1, 2].flatMap((script) => [0, 1, 2].map((line) => ({ script, line }))),
    { script: 3, line: 0 },
  ].filter(({ script, line }) => script !== 2 || line < 2);

  it.each(deaths)(
    'is read and completed where script $script is killed after $line lines',
    async ({ script, line }) => {
      const agent = openPlane();
      const { plane, kernel } = agent;
      await plane.sync(before, 'full');
      kernel.faults = { killAt: { script: kernel.scripts.length + script, line } };
      const done = await plane.sync(after, 'delta');
      expect(done).toMatchObject({ depth: 'full', deltaRefused: true, quarantined: [] });
      kernel.faults = {};
      await settle(agent, after);
      expect(await plane.sync(after, 'full')).toMatchObject({ documents: 0, drift: [] });
      const other = openPlane();
      await other.plane.sync(after, 'full');
      expect(state(kernel)).toEqual(state(other.kernel));
    },
  );

  const refusals: readonly (readonly [string, IpvsFaults['refuses']])[] = [
    ['the new real server', (file, line) => file === 'ipvsadm' && line.includes('10.1.0.3')],
    ['an entry of the new endpoint', (file, line) => file === 'ipset' && line.includes('10.1.0.3')],
  ];
  it.each(refusals)('costs its Service alone, which keeps its endpoint, where %s is refused', async (_, refuses) => {
    const { plane, kernel } = openPlane();
    await plane.sync(before, 'full');
    kernel.faults = refuses === undefined ? {} : { refuses };
    const done = await plane.sync(after, 'delta');
    expect(done).toMatchObject({ depth: 'full', deltaRefused: true, quarantined: [{ service: 'shop/cart:http' }] });
    expect(saveServers(kernel.servers)).toContain('-a -t 10.96.0.1:80 -r 10.1.0.1:80 -m -w 1\n');
    expect(saveServers(kernel.servers)).toContain('-a -t 10.96.0.2:25 -r 10.1.0.4:25 -m -w 1\n');
    // Others are counted meanwhile.
    const more = target([cart('10.1.0.3:80'), mail('10.1.0.2:25'), ...standing]);
    const changes = new Map(more.services.filter(({ service: of }) => of === 'shop/mail').map((ir) => [ir.id, ir]));
    const since = { services: after.services, changes };
    expect(await plane.sync({ ...more, since }, 'delta')).toMatchObject({
      depth: 'delta',
      quarantined: [{ service: 'shop/cart:http' }],
    });
    expect(saveServers(kernel.servers)).toContain('-a -t 10.96.0.1:80 -r 10.1.0.1:80 -m -w 1\n');
  });

  it('gives an endpoint its weight back where the one in its place is refused', async () => {
    const { plane, kernel, take } = openPlane();
    await plane.sync(target([cart('10.1.0.1:80', '10.1.0.2:80'), ...standing]), 'full');
    kernel.faults = { refuses: (file, line) => file === 'ipvsadm' && line.includes('10.1.0.3') };
    take();
    const wanted = target([cart('10.1.0.1:80', '10.1.0.3:80'), ...standing]);
    const done = await plane.sync(wanted, 'delta');
    expect(done).toMatchObject({ depth: 'full', deltaRefused: true, quarantined: [{ service: 'shop/cart:http' }] });
    const scripts = take().flatMap(({ command, script }) => (command === 'ipvsadm --restore' ? [script] : []));
    expect(scripts.slice(0, 2)).toEqual([
      '-a -t 10.96.0.1:80 -r 10.1.0.3:80 -m -w 1\n-e -t 10.96.0.1:80 -r 10.1.0.2:80 -m -w 0\n',
      '-e -t 10.96.0.1:80 -r 10.1.0.2:80 -m -w 1\n',
    ]);
    for (const old of ['10.1.0.1', '10.1.0.2'])
      expect(saveServers(kernel.servers)).toContain(`-a -t 10.96.0.1:80 -r ${old}:80 -m -w 1\n`);
  });

  it('is read where somebody else changed what it is about', async () => {
    const { plane, kernel } = openPlane();
    await plane.sync(before, 'full');
    await kernel.run(
      'ipvsadm',
      ['--restore'],
      '-a -t 10.96.0.1:80 -r 10.1.0.3:80 -m -w 1\n-d -t 10.96.0.2:25 -r 10.1.0.2:25\n',
    );
    expect(await plane.sync(after, 'delta')).toMatchObject({ depth: 'full', deltaRefused: true });
    expect(saveServers(kernel.servers)).toContain('-a -t 10.96.0.2:25 -r 10.1.0.2:25 -m -w 1\n');
  });

  it('did half of it and says that all went well: the next reading sets it right, and says so', async () => {
    const kernel = createFakeIpvsKernel();
    let isHalf = false;
    const plane = planeOf('ipvs', {
      run: (file, args, input = '') =>
        kernel.run(file, args, isHalf && file === 'ipvsadm' && input !== '' ? `${input.split('\n')[0]}\n` : input),
    });
    await plane.sync(before, 'full');
    isHalf = true;
    expect(await plane.sync(after, 'delta')).toMatchObject({ depth: 'delta' });
    isHalf = false;
    const { drift } = await plane.sync(after, 'full');
    expect(JSON.stringify(drift)).toContain('10.1.0.4');
    expect(saveServers(kernel.servers)).toContain('-a -t 10.96.0.2:25 -r 10.1.0.4:25 -m -w 1\n');
  });
});
