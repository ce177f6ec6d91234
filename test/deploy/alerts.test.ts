import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { describeIn } from '../place.ts';
import { lacksPromtool, promtool } from './promtool.ts';
import { servedLabels, unknownIn } from './queries.ts';

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly action: string };
}

const { spec } = load(read('deploy/components/alerts/alerts.yaml')) as {
  readonly spec: { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
};
const alerts = spec.groups.flatMap(({ rules }) => rules);
const tests = read('test/deploy/alerts.yaml');
const served = await servedLabels();

describeIn('program of its own', lacksPromtool(), 'the alerts', () => {
  it('fire for what they say, and for nothing else', () => {
    const said = promtool({ 'rules.yaml': JSON.stringify(spec), 'tests.yaml': tests }, 'test', 'rules', 'tests.yaml');
    expect(said).toContain('SUCCESS');
  });

  it('would be found out if one flush counted as again and again', () => {
    const hasty = JSON.stringify(spec).replace('[30m])) > 4', '[30m])) > 0');
    expect(() => promtool({ 'rules.yaml': hasty, 'tests.yaml': tests }, 'test', 'rules', 'tests.yaml')).toThrow(
      'SlicewrightRulesChangedAgainAndAgain',
    );
  });
});

describe('the alerts', () => {
  it('are each tried with series for which they fire', () => {
    const { tests: cases } = load(tests) as {
      readonly tests: readonly {
        readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly object[] }[];
      }[];
    };
    const fired = cases.flatMap(({ alert_rule_test: each }) =>
      each.filter(({ exp_alerts: those }) => those.length > 0),
    );
    expect([...new Set(fired.map(({ alertname }) => alertname))].sort()).toEqual(
      alerts.map(({ alert }) => alert).sort(),
    );
  });

  it.each(alerts)('ask for metrics and labels that are served: $alert', ({ expr, annotations, labels }) => {
    expect(unknownIn(expr, served)).toEqual([]);
    expect(['critical', 'warning']).toContain(labels.severity);
    expect([annotations.summary, annotations.action].every((text) => text.endsWith('.'))).toBe(true);
  });

  it('are those of docs/operations.md, one row each', () => {
    const rows = [...read('docs/operations.md').matchAll(/^\| `(Slicewright\w+)` \| (\w+) \|/gm)];
    expect(rows.map(([, name, severity]) => `${name} ${severity}`)).toEqual(
      alerts.map(({ alert, labels }) => `${alert} ${labels.severity}`),
    );
  });
});
