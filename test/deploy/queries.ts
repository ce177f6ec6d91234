import { backendNames } from '../../backends/index.ts';
import { createMetrics } from '../../agent/serving/metrics.ts';
import { createControllerMetrics } from '../../controller/metrics.ts';
import { modeOf } from '../helpers/scope.ts';

/** Labels of every metric that is served, in any mode, by its name; a histogram also under the names of its series. */
export async function servedLabels(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const ofAgents = backendNames().map((name) => createMetrics(modeOf(name).live));
  const registries = [
    ...ofAgents.flatMap(({ registry, slis }) => [registry, slis]),
    createControllerMetrics().registry,
  ];
  const labels = new Map<string, ReadonlySet<string>>();
  for (const registry of registries) {
    for (const { name, type } of await registry.getMetricsAsJSON()) {
      const { labelNames = [] } = registry.getSingleMetric(name) as unknown as { readonly labelNames?: string[] };
      labels.set(name, new Set(labelNames));
      if (String(type) !== 'histogram') continue;
      for (const part of ['bucket', 'count', 'sum'])
        labels.set(`${name}_${part}`, new Set(part === 'bucket' ? [...labelNames, 'le'] : labelNames));
    }
  }
  return labels;
}

/** Labels that Prometheus itself adds to scraped series. */
const scraped = ['instance', 'job'];
const ofPrometheus = new Map([['up', new Set<string>()]]);
const words = /\b(?:by|without|on|ignoring|and|or|unless|group_left|group_right)\b/g;

/**
 * Names and labels in a query that no metric serves: metrics, labels in braces of the metric before them, and labels of
 * `by` and `on`, which some metric of the query has to have.
 *
 * query   PromQL that a tool has found well formed
 */
export function unknownIn(query: string, served: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const known = new Map([...served, ...ofPrometheus]);
  const bare = query.replace(/"[^"]*"/g, '""').replace(/\[[^\]]*\]/g, '');
  const grouping = /\b(?:by|on)\s*\(([^)]*)\)/g;
  const selectors = [
    ...bare
      .replace(grouping, '')
      .replace(words, '')
      .matchAll(/([a-z_]+)\b\s*(?:\{([^}]*)\}|(?!\s*\())/g),
  ];
  const of = (name: string) => new Set([...(known.get(name) ?? []), ...scraped]);
  const names = selectors.map(([, name = '']) => name);
  const all = new Set(names.flatMap((name) => [...of(name)]));
  return [
    ...names.filter((name) => !known.has(name)),
    ...selectors.flatMap(([, name = '', text = '']) =>
      [...text.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].flatMap(([, label = '']) =>
        of(name).has(label) ? [] : [`${name}{${label}}`],
      ),
    ),
    ...[...bare.matchAll(grouping)].flatMap(([, text = '']) =>
      (text.match(/\w+/g) ?? []).filter((label) => !all.has(label)),
    ),
  ];
}
