import { describe, expect, it } from 'vitest';
import { createFakeKernel } from '../../backends/netfilter/fake/kernel.ts';
import { noFaults } from '../apiserver/faults.ts';
import { eventually } from '../helpers/eventually.ts';
import {
  cart,
  converges,
  exported,
  failing,
  isWell,
  mcsGroup,
  registryOf,
  said,
  start,
  startCluster,
  startExporter,
  synced,
} from './faults.fixture.ts';

describe('another cluster', () => {
  it('that is half read at the start is not taken for all of it', async () => {
    const [own, west] = [await startCluster(), await startExporter('10.10.0.6')];
    const kernel = createFakeKernel();
    const others = { member1: west.double };
    const earlier = start(own.double, kernel, { others });
    await converges(kernel, own, { member1: west });
    expect(kernel.save('IPv4')).toContain('10.10.0.6');
    await earlier.stop();

    west.double.faults = { forbidden: ['endpointslices'] };
    const agent = start(own.double, kernel, { others });
    await eventually(() => expect(agent.of('waiting').at(-1)?.for.join()).toContain('endpointslices'));
    await eventually(() => expect(said(agent)).toMatch(/cannot be read: 403 .*endpointslices/));
    expect(await failing(agent, 'member1')).toBe(1);
    await eventually(async () => expect([await synced(agent), await synced(agent, 'member1')]).toEqual([1, 0]));
    expect(kernel.save('IPv4')).toContain('10.10.0.6');

    west.double.faults = noFaults;
    await eventually(() => expect(agent.of('synced').length).toBeGreaterThan(1));
    await converges(kernel, own, { member1: west });
    await isWell(agent, 'member1');
    expect(await synced(agent, 'member1')).toBe(1);
  });

  it('that is lost later keeps its endpoints, and the local cluster goes on', async () => {
    const [own, west] = [await startCluster(), await startExporter('10.10.0.6')];
    const kernel = createFakeKernel();
    const agent = start(own.double, kernel, { others: { member1: west.double } });
    await converges(kernel, own, { member1: west });
    west.double.faults = { beforeAnswer: (_url, response) => void response.destroy() };
    west.double.cutStreams();
    own.put(...cart('10.12.0.8'));
    await converges(kernel, own, { member1: west });
    await eventually(async () => expect(await failing(agent, 'member1')).toBeGreaterThan(0));
    expect(agent.log.filter(({ message }) => message.includes('cannot be read'))).toContainEqual(
      expect.objectContaining({ facts: expect.objectContaining({ cluster: 'member1' }) }),
    );
    expect(await failing(agent)).toBe(0);

    west.double.faults = noFaults;
    west.put(...cart('10.10.0.7'));
    await converges(kernel, own, { member1: west });
    await isWell(agent, 'member1');
  });
});

describe('a CRD', () => {
  it('that is installed while we run is picked up, and lets go of its objects when it is removed', async () => {
    const [own, west] = [await startCluster(), await startCluster()];
    west.put(...cart('10.10.0.6'));
    const kernel = createFakeKernel();
    const agent = start(own.double, kernel, { others: { member1: west.double } });
    await converges(kernel, own, { member1: west });
    expect(kernel.save('IPv4')).not.toContain('10.10.0.6');
    west.double.installed.add(mcsGroup);
    west.put(exported);
    await eventually(() => expect(kernel.save('IPv4')).toContain('10.10.0.6'));
    await eventually(() => expect(west.double.openWatches('serviceexports')).toBe(1));
    west.double.uninstall(mcsGroup);
    await eventually(() => expect(kernel.save('IPv4')).not.toContain('10.10.0.6'));
    await converges(kernel, own, { member1: west });
    // That a kind is not there is no failure at any time.
    expect(said(agent)).not.toContain('cannot be read');
    expect(await failing(agent, 'member1')).toBe(0);

    west.double.installed.add(mcsGroup);
    west.put(exported);
    await eventually(() => expect(kernel.save('IPv4')).toContain('10.10.0.6'));
  });

  it('that an API server does not know for a moment, while it starts say, withdraws nothing', async () => {
    const [own, west] = [await startCluster(), await startExporter('10.10.0.6')];
    const kernel = createFakeKernel();
    const agent = start(own.double, kernel, { others: { member1: west.double } });
    await converges(kernel, own, { member1: west });
    expect(kernel.save('IPv4')).toContain('10.10.0.6');
    west.double.installed.delete(mcsGroup);
    west.double.cutStreams();
    await eventually(() => expect(said(agent)).toMatch(/cannot be read: 404 .*no longer knows the kind/));
    await eventually(async () => expect(await failing(agent, 'member1')).toBe(1));
    own.put(...cart('10.12.0.7'));
    await eventually(() => expect(kernel.save('IPv4')).toContain('10.12.0.7'));
    expect(kernel.save('IPv4')).toContain('10.10.0.6');

    west.double.installed.add(mcsGroup);
    await isWell(agent, 'member1');
    await converges(kernel, own, { member1: west });
  });

  it('that stays unknown is believed to be gone in the end', async () => {
    const [own, west] = [await startCluster(), await startExporter('10.10.0.6')];
    const kernel = createFakeKernel();
    const agent = start(own.double, kernel, { others: { member1: west.double }, reflector: { holdMs: 200 } });
    await converges(kernel, own, { member1: west });
    west.double.installed.delete(mcsGroup);
    west.double.cutStreams();
    await eventually(() => expect(kernel.save('IPv4')).not.toContain('10.10.0.6'));
    expect(said(agent)).toMatch(/no longer knows the kind/);
    await isWell(agent, 'member1');
  });
});

describe('a registered cluster', () => {
  const registry = registryOf({ id: 'member2', self: true }, { id: 'member1', onLost: 'drop' });

  it('that is lost has its endpoints dropped, where the registry says so, and gets them back', async () => {
    const [own, west] = [await startCluster(), await startExporter('10.10.0.6')];
    const kernel = createFakeKernel();
    const agent = start(own.double, kernel, {
      others: { member1: west.double },
      registry,
      leases: { durationMs: 200, graceMs: 200, settleMs: 200, lookMs: 20 },
    });
    await eventually(() => expect(kernel.save('IPv4')).toContain('10.10.0.6'));
    // Only a cluster that was seen alive can be lost.
    await eventually(() => expect(agent.of('lease').map(({ state }) => state)).toEqual(['Alive']));
    west.double.faults = { beforeAnswer: (_url, response) => void response.destroy() };
    west.double.cutStreams();
    await eventually(() => expect(kernel.save('IPv4')).not.toContain('10.10.0.6'));
    expect(kernel.save('IPv4')).toContain('10.12.0.6');
    west.double.faults = noFaults;
    await eventually(() => expect(kernel.save('IPv4')).toContain('10.10.0.6'));
    expect(agent.of('lease').map(({ state }) => state)).toEqual(['Alive', 'Suspect', 'Lost', 'Alive']);
  });

  it('is not lost by a wall clock that jumps', async () => {
    const [own, west] = [await startCluster(), await startExporter('10.10.0.6')];
    const kernel = createFakeKernel();
    let offMs = 0;
    const agent = start(own.double, kernel, {
      others: { member1: west.double },
      registry,
      leases: { durationMs: 60_000, graceMs: 60_000, settleMs: 200, lookMs: 10 },
      wallMs: () => Date.now() + offMs,
    });
    await eventually(() => expect(kernel.save('IPv4')).toContain('10.10.0.6'));
    for (const [round, jumpMs] of [3_600_000, -86_400_000, 0].entries()) {
      offMs = jumpMs;
      const address = `10.10.0.${7 + round}`;
      west.put(...cart(address));
      await eventually(() => expect(kernel.save('IPv4')).toContain(address));
      expect(await failing(agent, 'member1')).toBe(0);
      expect(await agent.health()).toBe(200);
    }
    expect(agent.of('lease').map(({ state }) => state)).toEqual(['Alive']);
  });
});
