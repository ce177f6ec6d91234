import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { backendNames } from '../../backends/index.ts';
import { modeOf } from '../helpers/scope.ts';
import { createMetrics } from '../../agent/serving/metrics.ts';

const documented = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');

/** `name type label label`, of slicewright's own metrics in any mode: those of the client library are described by it. */
async function served(): Promise<string[]> {
  const lists = await Promise.all(backendNames().map(async (name) => servedIn(createMetrics(modeOf(name).live))));
  // Of rules that count, where the setting is made.
  const counted = backendNames().flatMap((name) => modeOf(name).live.packetCounters?.names ?? []);
  return [...new Set([...lists.flat(), ...counted.map(({ name }) => `${name} counter`)])];
}

async function servedIn({ registry, slis }: ReturnType<typeof createMetrics>): Promise<string[]> {
  const all = await Promise.all([registry, slis].map((each) => each.getMetricsAsJSON()));
  return all
    .flat()
    .filter(({ name }) => !/^(process|nodejs)_/.test(name))
    .map(({ name, type }) => {
      const metric = registry.getSingleMetric(name) ?? slis.getSingleMetric(name);
      const { labelNames = [] } = metric as unknown as { readonly labelNames?: readonly string[] };
      return [name, type, ...labelNames].join(' ');
    });
}

it('docs/metrics.md has every metric, with its type and labels, and no other', async () => {
  const rows = [...documented.matchAll(/^\| `([a-z_]+)` \| (\w+) \| ([^|]*) \|/gm)];
  const said = rows.map(([, name, type, labels = '']) => [name, type, ...(labels.match(/[a-z_]+/g) ?? [])].join(' '));
  expect(said.sort()).toEqual((await served()).sort());
});
