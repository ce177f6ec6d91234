import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadMode, register } from '../../backends/index.ts';
import { createFakeIpvsKernel } from '../../backends/ipvs/fake/kernel.ts';
import { compileObjects } from '../helpers/compile.ts';
import { node, service, slice } from '../helpers/kubernetes.ts';
import { planeOf, scopeFor } from '../helpers/scope.ts';
import { toyEntry } from './index.ts';
import { createToyKernel, type ToyKernel } from './kernel.ts';

/* The toy's plane as the agent's loop calls it, with a clock that the test moves. */

let kernel: ToyKernel;
let unregister: () => void;
beforeEach(() => {
  kernel = createToyKernel();
  unregister = register(toyEntry(kernel));
});
afterEach(() => unregister());

const part = 'default/web/TCP/IPv4';
const delayTimes = { firstMs: 1_000, maxMs: 8_000 };

function wanted(...endpoints: readonly string[]) {
  const objects = [node('n1', { addresses: ['192.168.0.1'] }), service('web'), slice('web', 'web-x', endpoints)];
  const { services, node: contexts } = compileObjects(objects);
  return { services: services.IPv4, node: contexts.IPv4 };
}

async function toyPlane(nowMs = () => 0) {
  const others = createFakeIpvsKernel();
  const { createPlane } = await loadMode('toy');
  return { others, plane: createPlane({ run: others.run, scope: scopeFor(), nowMs, delayTimes }) };
}

it('a glance finds lines that somebody took out, and the full sync after it says which', async () => {
  const { plane } = await toyPlane();
  await plane.sync(wanted('10.1.0.1'), 'full');
  expect(await plane.glance()).toBeUndefined();
  kernel.tables.clear();
  expect(await plane.glance()).toMatch(/^toy default\/web\/TCP\/IPv4: send /);
  const { drift } = await plane.sync(wanted('10.1.0.1'), 'full');
  expect(drift.map(({ where }) => where)).toEqual([`toy ${part}`, 'toy node']);
  expect(await plane.sync(wanted('10.1.0.1'), 'full')).toMatchObject({ documents: 0, drift: [] });
});

it('a part that is refused is tried again when its time has come, or when it means something else', async () => {
  let ms = 0;
  const { plane } = await toyPlane(() => ms);
  kernel.refuses = (name) => name === part;
  expect(await plane.sync(wanted('10.1.0.1'), 'full')).toMatchObject({
    quarantined: [{ service: 'default/web', retryInMs: 1_000 }],
    againInMs: 1_000,
  });
  kernel.refuses = () => false;
  expect(await plane.sync(wanted('10.1.0.1'), 'delta')).toMatchObject({ documents: 0, released: [] });
  ms = 1_000;
  expect(await plane.sync(wanted('10.1.0.1'), 'delta')).toMatchObject({ documents: 1, released: ['default/web'] });

  kernel.refuses = (name) => name === part;
  await plane.sync(wanted('10.1.0.2'), 'delta');
  kernel.refuses = () => false;
  expect(await plane.sync(wanted('10.1.0.3'), 'delta')).toMatchObject({ documents: 1, released: ['default/web'] });
});

it.each(['iptables', 'ipvs'])(
  'an agent that starts in another mode takes over from %s, and gives back',
  async (other) => {
    const { others, plane } = await toyPlane();
    const theirs = planeOf(other, { run: others.run });
    await theirs.sync(wanted('10.1.0.1'), 'full');
    await plane.sync(wanted('10.1.0.1'), 'full');
    expect([others.servers.size, others.netfilter.save('IPv4').includes('-A KUBE-'), kernel.tables.size]).toEqual([
      0,
      false,
      1,
    ]);

    // Made after the toy was registered: a mode knows the others that are in the list by then.
    const { createPlane } = await loadMode(other);
    const back = createPlane({ run: others.run, scope: scopeFor(), nowMs: () => 0, delayTimes });
    await back.sync(wanted('10.1.0.1'), 'full');
    expect([others.netfilter.save('IPv4').includes('-A KUBE-'), kernel.tables.size]).toEqual([true, 0]);
  },
);
