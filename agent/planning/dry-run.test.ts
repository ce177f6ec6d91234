import { describe, expect, it } from 'vitest';
import type { Run } from '../../backends/command.ts';
import { createFakeIpvsKernel } from '../../backends/ipvs/fake/kernel.ts';
import { compileObjects } from '../../test/helpers/compile.ts';
import { node, service, slice } from '../../test/helpers/kubernetes.ts';
import { dryPlanes } from './dry-planes.ts';
import { memoryIo } from '../terminal/memory-io.fixture.ts';
import { defaultConfiguration } from '../config/config.ts';
import { modeOf, planeOf } from '../../test/helpers/scope.ts';
import type { Target } from '../../backends/target.ts';
import type { FamilyPlane } from '../../backends/plane/plane.ts';

function wanted(...endpoints: readonly string[]): Target {
  const objects = [node('n1', { addresses: ['192.168.0.1'] }), service('web'), slice('web', 'web-x', endpoints)];
  const { services, node: contexts } = compileObjects(objects);
  return { services: services.IPv4, node: contexts.IPv4 };
}

const closed: Run = () => Promise.resolve({ exitCode: undefined, stdout: '', stderr: '', failure: 'not-found' });

describe.each(['iptables', 'ipvs'])('a dry run in %s mode', (backend) => {
  function dry(run: Run, signal = new AbortController().signal) {
    const io = memoryIo();
    const { settings } = defaultConfiguration({ compat: 'none', backend });
    const [plane] = dryPlanes([], io, run, modeOf(backend), settings, signal);
    return { plane: plane as FamilyPlane, said: () => io.written.out };
  }

  it('starts from the kernel, which it does not write to', async () => {
    const kernel = createFakeIpvsKernel();
    const live = planeOf(backend, { run: kernel.run });
    await live.sync(wanted('10.1.0.1'), 'full');
    const before = [kernel.netfilter.save('IPv4'), [...kernel.servers], kernel.scripts.length];
    const { plane, said } = dry(kernel.run);
    await plane.sync(wanted('10.1.0.1'), 'full');
    expect(said()).toBe('');
    await plane.sync(wanted('10.1.0.1', '10.1.0.2'), 'delta');
    expect(said()).toMatch(
      /against the last plan: 1 Service with changes for traffic\n {2}~ default\/web: .* 1 → 2 end/,
    );
    expect([kernel.netfilter.save('IPv4'), [...kernel.servers], kernel.scripts.length]).toEqual(before);
  });

  it('says nothing more once it is told to stop, as when that ended the tool that was reading', async () => {
    const stop = new AbortController();
    const { plane, said } = dry((...args) => {
      stop.abort();
      return closed(...args);
    }, stop.signal);
    await plane.sync(wanted('10.1.0.1'), 'full');
    expect(said()).toBe('');
  });

  it('starts from nothing where the kernel cannot be read, and goes on from plan to plan', async () => {
    const { plane, said } = dry(closed);
    expect((await plane.sync(wanted('10.1.0.1'), 'full')).documents).toBeGreaterThan(0);
    expect(said()).toMatch(/^IPv4, against nothing, since the kernel cannot be read: .*: 1 Service with changes/);
    expect(await plane.sync(wanted('10.1.0.1'), 'full')).toMatchObject({ documents: 0 });
    await plane.sync(wanted(), 'delta');
    expect(said()).toContain('against the last plan');
    expect(await plane.sync(wanted(), 'full')).toMatchObject({ documents: 0 });
  });
});
