import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeIn } from '../place.ts';
import { lacksPromtool, promtool } from './promtool.ts';
import { servedLabels, unknownIn } from './queries.ts';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const file = new URL('../../deploy/components/dashboard/dashboard.json', import.meta.url);
const dashboard = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
};
const served = await servedLabels();
const queries = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map((target) => ({ title, ...target })));

/** As Grafana fills them in. */
const filledIn = (query: string) => query.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*');

describe('the dashboard', () => {
  it.each(queries)('asks for metrics and labels that are served: $title, $legendFormat', ({ expr, legendFormat }) => {
    expect(unknownIn(expr, served)).toEqual([]);
    const grouped = /^(?:topk|.*\bby \(([^)]*)\))/.exec(expr);
    const labels = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label);
    const kept = grouped?.[1]?.split(/,\s*/) ?? ['instance'];
    expect(labels.filter((label) => !kept.includes(label ?? ''))).toEqual([]);
  });

  it('asks for its variables by a metric that is served, and uses them all', () => {
    const { list } = dashboard.templating;
    expect(JSON.stringify(list)).toContain('label_values(slicewright_build_info, instance)');
    expect(served.has('slicewright_build_info')).toBe(true);
    for (const { name } of list) expect(JSON.stringify(dashboard.panels)).toMatch(new RegExp(`\\$\\{?${name}\\b`));
    for (const { expr } of queries) expect(filledIn(expr)).not.toContain('$');
  });

  it('has panels that say what they show, beside each other and not upon each other', () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { type, title, description } of panels) expect(type === 'row' || description, title).toBeTruthy();
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
  });

  it('would be found out if a query named what is not there', () => {
    expect(unknownIn('sum by (node) (rate(slicewright_drifts_total{ip="IPv4"}[5m]))', served)).toEqual([
      'slicewright_drifts_total',
      'slicewright_drifts_total{ip}',
      'node',
    ]);
    expect(unknownIn('max by (ip_family) (slicewright_slices{state="used"}) > 0', served)).toEqual([
      'slicewright_slices{state}',
      'ip_family',
    ]);
  });
});

describeIn('program of its own', lacksPromtool(), 'the queries of the dashboard', () => {
  it('are PromQL', () => {
    const rules = queries.map(({ expr }, i) => ({ record: `query_${i}`, expr: filledIn(expr) }));
    const text = JSON.stringify({ groups: [{ name: 'dashboard', rules }] });
    expect(promtool({ 'rules.yaml': text }, 'check', 'rules', 'rules.yaml')).toContain(`${queries.length} rules found`);
  });
});
