import { describe, expect, it } from 'vitest';
import { parseRegistry } from '../agent/input/registry.ts';
import { createServiceTable } from '../agent/loop/service-table.ts';
import { createFakeKernel } from '../backends/netfilter/fake/kernel.ts';
import { createFakeNft } from '../backends/nftables/fake/fake-nft.ts';
import type { PortChanges } from '../compiler/engine.ts';
import { createCompiler } from '../compiler/incremental.ts';
import { defaultSettings } from '../compiler/settings.ts';
import { east, fanIn, registryObject } from '../tools/bench/objects.ts';
import { modeOf, planeOf } from './helpers/scope.ts';
import { changesOf } from './helpers/told.ts';

/* One of many clusters is lost: what that costs, counted. Each cluster has five endpoints for each of some Services. */

const [clusters, services, endpointsEach] = [20, 20, 5];
const registryOf = (lost: Parameters<typeof registryObject>[1]) =>
  parseRegistry(registryObject(clusters, lost), 'the registry');

async function loseOne(mode: string) {
  const context = {
    ...{ settings: defaultSettings, nodeName: 'bench', localAddresses: undefined },
    registry: registryOf([]),
  };
  const compiler = createCompiler(context);
  const table = createServiceTable();
  const plane = planeOf(mode, { run: mode === 'nftables' ? createFakeNft().run : createFakeKernel().run });
  const take = (ports: PortChanges) => {
    table.apply(ports);
    return { ...table.of('IPv4'), node: compiler.node().IPv4 };
  };
  const written = fanIn({ services, endpointsEach, clusters }).flatMap(({ cluster, objects }) =>
    objects.map((object) => ({ cluster, object, gone: false })),
  );
  const before = take(compiler.apply(changesOf(written, context)));
  await plane.sync(before, 'full');
  const ports = compiler.register(registryOf([east]));
  const after = take(ports);
  const sync = await plane.sync(after, 'delta');
  const textOf = (target: typeof before) =>
    modeOf(mode).backend.make({ services: target.services, node: target.node }).text();
  const lines = { before: textOf(before).split('\n'), after: textOf(after).split('\n') };
  return { ports: ports.size, sync, lines, left: after.services.map(({ pools }) => pools.cluster.length) };
}

/** Rules by chain. */
function chainsIn(lines: readonly string[]): Map<string, string> {
  const rules = lines.filter((line) => line.startsWith('-A ')).map((line) => [line.split(' ')[1] ?? '', line] as const);
  return new Map(
    [...Map.groupBy(rules, ([chain]) => chain)].map(([chain, of]) => [chain, of.map(([, line]) => line).join('\n')]),
  );
}

describe(`one of ${clusters} clusters is lost`, () => {
  it.each(['iptables', 'nftables'])('in %s mode is one plan, without its endpoints', async (mode) => {
    const { ports, sync, left } = await loseOne(mode);
    expect({ ports, left }).toEqual({ ports: services, left: Array(services).fill((clusters - 1) * endpointsEach) });
    expect(sync).toMatchObject({ depth: 'delta', documents: 1, deltaRefused: false });
  });

  it('in iptables mode writes no more than the lines of changed chains: their names, their rules, and two for each that goes', async () => {
    const { sync, lines } = await loseOne('iptables');
    const [before, after] = [chainsIn(lines.before), chainsIn(lines.after)];
    const changed = [...after].filter(([chain, rules]) => before.get(chain) !== rules);
    const gone = [...before.keys()].filter((chain) => !after.has(chain));
    expect([changed.length, gone.length]).toEqual([services, services * endpointsEach]);
    const rules = changed.flatMap(([, of]) => of.split('\n')).length;
    expect(sync.lines).toBeLessThanOrEqual(changed.length + rules + 2 * gone.length);
  });

  it('in nftables mode writes no more than the elements that differ', async () => {
    const { sync, lines } = await loseOne('nftables');
    const differ = (of: readonly string[], from: readonly string[]) => of.filter((line) => !from.includes(line)).length;
    expect(sync.lines).toBeLessThanOrEqual(differ(lines.before, lines.after) + differ(lines.after, lines.before));
  });
});
