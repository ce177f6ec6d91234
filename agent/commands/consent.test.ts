import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backendNames } from '../../backends/index.ts';
import { kubePrefix } from '../../compiler/settings.ts';
import { parseAddress } from '../../compiler/values/address.ts';
import { lockDir } from '../../test/helpers/lock-dir.ts';
import type { Io } from '../terminal/io.ts';
import { memoryIo } from '../terminal/memory-io.fixture.ts';
import { systemClock } from '../loop/clock.ts';
import { type NodeLock, tryLock } from '../node/node-lock.ts';
import { type ApplyOptions, applyCommand } from './apply.ts';
import { cartOf, createScratch, forge, nodeOf, type Scratch } from './commands.fixture.ts';
import { type Bench, bench, stateOf } from './kernels.fixture.ts';
import { type PlanOptions, planCommand } from './plan.ts';

/* What a plan may only do with somebody's consent: in every backend, also when the backend changes. */

let scratch: Scratch;
let node: Bench;
beforeEach(() => {
  scratch = createScratch();
  node = bench();
});
afterEach(() => {
  scratch.remove();
});

const here = {
  name: 'east-1',
  addresses: ['192.0.2.1', '2001:db8::1'].map(parseAddress).filter((address) => address !== undefined),
};

/** Service shop/NAME in both families, with an endpoint in each, and with two ports: it counts once. */
function dual(name: string, n: number): string {
  const four = cartOf(`10.1.0.${n}`)
    .replace('clusterIPs: [10.96.0.10]', `clusterIPs: [10.96.0.${n}, "fd00:96::${n}"], ipFamilies: [IPv4, IPv6]`)
    .replace('clusterIP: 10.96.0.10', `clusterIP: 10.96.0.${n}`)
    .replace('protocol: TCP}]}\n---', 'protocol: TCP}, {name: web, port: 81, protocol: TCP}]}\n---')
    .replace('port: 8080, protocol: TCP}]', 'port: 8080, protocol: TCP}, {name: web, port: 8081, protocol: TCP}]')
    .replaceAll('cart', name);
  const [, slice = ''] = four.split('---');
  const six = slice
    .replace('-x7k2', '-six')
    .replace('addressType: IPv4', 'addressType: IPv6')
    .replace(`[10.1.0.${n}]`, `["fd00:1::${n}"]`);
  return `${four}---${six}`;
}
const names = ['cart', 'till', 'mail', 'desk', 'shed'];
const manifests = (count: number) =>
  [nodeOf('192.0.2.1', '2001:db8::1'), ...names.slice(0, count).map((name, i) => dual(name, i + 1))].join('---');

async function apply(text: string, backend: string, options: Partial<ApplyOptions> = {}, ask?: Io['ask']) {
  const io = memoryIo(text, false, ask);
  const given = { filename: ['-'], backend, lockDir, diagnostics: 'human', ...options } as const;
  const status = await applyCommand(given, io, node.run, here);
  return { status, out: io.written.out, err: io.written.err.replace(/^info: .*\n/gm, '') };
}

async function plan(text: string, backend: string, options: Partial<PlanOptions> = {}) {
  const io = memoryIo(text);
  const given = { filename: ['-'], backend, against: [], output: 'text', diagnostics: 'human', ...options } as const;
  const status = await planCommand(given, io, node.run, here);
  return { status, out: io.written.out, err: io.written.err.replace(/^info: .*\n/gm, '') };
}

const massOf = (removed: number, served: number) =>
  expect.stringMatching(
    new RegExp(
      `^error: plan of all families: ${removed} of the ${served} Services that are served now go \\(.*\\): .*; nothing was changed\\. To do that: --allow-mass-removal \\[mass-removal\\]\n$`,
    ),
  );

describe.each(backendNames())('a plan for %s', (backend) => {
  it('may remove half of the Services that are served, and no more unless told to', async () => {
    expect((await apply(manifests(4), backend)).status).toBe(0);
    expect(await apply(manifests(2), backend)).toMatchObject({ status: 0, err: '' });
    await apply(manifests(5), backend);
    const before = await stateOf(node);
    const refused = await apply(manifests(2), backend);
    expect([refused.status, refused.err]).toEqual([1, massOf(3, 5)]);
    expect(await stateOf(node)).toEqual(before);
    expect((await apply(manifests(2), backend, { massRemovalThreshold: 60 })).status).toBe(0);
    expect((await apply(manifests(0), backend, { allowMassRemoval: true })).status).toBe(0);
  });

  it('is held to that for few Services as well', async () => {
    await apply(manifests(1), backend);
    const before = await stateOf(node);
    const { status, err } = await apply(manifests(0), backend);
    expect([status, err]).toEqual([1, expect.stringMatching(/: .*served now go.* \(100 %, more than 50 %\): /)]);
    expect(await stateOf(node)).toEqual(before);
  });

  it('that was saved is held to it as well', async () => {
    await apply(manifests(3), backend);
    const file = `${scratch.root}/plan.json`;
    const planned = await plan(manifests(1), backend, { out: file });
    expect([planned.status, planned.out]).toEqual([
      2,
      expect.stringMatching(/^! .* of the \d+ Services that are served now go /m),
    ]);
    const before = await stateOf(node);
    const refused = await apply('', backend, { filename: [], plan: file });
    expect([refused.status, refused.err]).toEqual([1, expect.stringContaining('--allow-mass-removal')]);
    expect(await stateOf(node)).toEqual(before);
    expect((await apply('', backend, { filename: [], plan: file, allowMassRemoval: true })).status).toBe(0);
  });

  it('fails for a danger that is named, before anything is changed, with a status of its own', async () => {
    await apply(manifests(3), backend);
    const before = await stateOf(node);
    const lost = manifests(3).replace(/endpoints: \[\{addresses: \[10\.1\.0\.1\][^\]]*\]/, 'endpoints: []');
    const failOnDanger = ['last-endpoint', 'mass-removal'];
    const refused = await apply(lost, backend, { failOnDanger });
    expect([refused.status, refused.err]).toEqual([
      3,
      expect.stringMatching(
        /^(error: danger last-endpoint: shop\/cart.* loses its last endpoint: .*; nothing was changed.*\n)+$/,
      ),
    ]);
    expect((await plan(lost, backend, { failOnDanger })).status).toBe(3);
    expect((await plan(manifests(1), backend, { failOnDanger })).err).toMatch(/^error: danger mass-removal: /);
    const file = `${scratch.root}/plan.json`;
    expect((await plan(lost, backend, { out: file })).status).toBe(2);
    expect((await apply('', backend, { filename: [], plan: file, failOnDanger })).status).toBe(3);
    expect(await stateOf(node)).toEqual(before);
    expect((await apply(lost, backend, { failOnDanger: ['mass-removal'] })).status).toBe(0);
  });

  it.each(backendNames())('counts what %s serves, which it replaces', async (former) => {
    await apply(manifests(3), former);
    const before = await stateOf(node);
    const refused = await apply(manifests(1), backend);
    expect([refused.status, refused.err]).toEqual([
      1,
      expect.stringContaining('2 of the 3 Services that are served now go (67 %'),
    ]);
    expect(await stateOf(node)).toEqual(before);
    expect(await apply(manifests(3), backend)).toMatchObject({ status: 0, err: '' });
  });
});

describe.each(backendNames())('at a terminal, a plan for %s', (backend) => {
  const answering =
    (...answers: (string | undefined)[]) =>
    () =>
      Promise.resolve(answers.shift());

  it('is shown as plan shows it, and applied for a whole "yes"', async () => {
    const planned = await plan(manifests(2), backend);
    const { status, out, err } = await apply(manifests(2), backend, {}, answering('yes'));
    expect([status, err]).toEqual([0, '']);
    expect(out.startsWith(`${planned.out}\nApply this plan? Type "yes" to apply it: `)).toBe(true);
    expect((await plan(manifests(2), backend)).status).toBe(0);
  });

  it.each([['no'], ['y'], ['YES'], [''], ['yes please'], [undefined]])('changes nothing for %j', async (answer) => {
    const before = await stateOf(node);
    const { status, err } = await apply(manifests(2), backend, {}, answering(answer));
    expect([status, err]).toEqual([
      1,
      'error: plan that was shown: the answer was not "yes"; nothing was changed [not-confirmed]\n',
    ]);
    expect(await stateOf(node)).toEqual(before);
  });

  it('is asked about only where it changes something, and not with --yes', async () => {
    const never = () => Promise.reject(new Error('asked'));
    expect((await apply(manifests(2), backend, { yes: true }, never)).status).toBe(0);
    expect((await apply(manifests(2), backend, {}, never)).status).toBe(0);
  });

  it('is refused where the kernel has changed since it was shown', async () => {
    await apply(manifests(3), backend);
    let between: unknown;
    const { status, err } = await apply(manifests(4), backend, {}, async () => {
      await apply(manifests(2), backend);
      between = await stateOf(node);
      return 'yes';
    });
    expect([status, err]).toEqual([1, expect.stringContaining('the kernel has changed since the plan was shown')]);
    expect(await stateOf(node)).toEqual(between);
  });

  it('keeps nobody from writing while it waits for the answer, and then waits for nobody', async () => {
    const dir = `${scratch.root}/lock`;
    let other: NodeLock | undefined;
    const { status, err } = await apply(manifests(2), backend, { lockDir: dir }, async () => {
      const done = await tryLock({ dir, prefix: kubePrefix, role: 'agent' }, systemClock);
      if (done.kind === 'taken') other = done.lock;
      return 'yes';
    });
    expect([status, err]).toEqual([1, expect.stringMatching(/^error: lock .*: an agent \(pid/)]);
    await other?.release();
  });

  it('is refused before anybody is asked where it removes too much', async () => {
    await apply(manifests(3), backend);
    const never = () => Promise.reject(new Error('asked'));
    expect((await apply(manifests(1), backend, {}, never)).status).toBe(1);
  });
});

it('what was counted of all families stands in the JSON of a plan', async () => {
  await apply(manifests(3), 'iptables');
  const { out } = await plan(manifests(1), 'iptables', { output: 'json' });
  expect(JSON.parse(out).dangers).toEqual([
    {
      code: 'mass-removal',
      message: '2 of the 3 Services that are served now go (67 %, more than 50 %): shop/mail, shop/till',
    },
  ]);
});

it('a plan that does not say what it removes is refused', async () => {
  const file = `${scratch.root}/plan.json`;
  await plan(manifests(1), 'iptables', { out: file });
  forge(file, (text) => {
    const { removal: _removal, ...saved } = JSON.parse(text);
    return JSON.stringify(saved);
  });
  const { status, err } = await apply('', 'iptables', { filename: [], plan: file });
  expect([status, err]).toEqual([1, expect.stringContaining('does not list its dangers')]);
});

it('--allow-empty means that all may go, and nothing else', async () => {
  await apply(manifests(3), 'iptables');
  expect((await apply(manifests(1), 'iptables', { allowEmpty: true })).status).toBe(1);
  expect((await apply('', 'iptables', { allowEmpty: true })).status).toBe(0);
});
