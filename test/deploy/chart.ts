import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dump, load, loadAll } from 'js-yaml';
import { isTrue, renderTemplates, type TemplateFunction } from './go-template.ts';
import type { Manifest } from './kustomize.ts';

export const chartFolder = fileURLToPath(new URL('../../deploy/chart/', import.meta.url));
const read = (path: string): string => readFileSync(join(chartFolder, path), 'utf8');

export type Values = Readonly<Record<string, unknown>>;

export const defaultValues = load(read('values.yaml')) as Values;

const indented = (count: unknown, text: unknown) =>
  String(text)
    .split('\n')
    .map((line) => ' '.repeat(Number(count)) + line)
    .join('\n');

/** Functions of Go and helm that the chart uses. */
const functions: Readonly<Record<string, TemplateFunction>> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  or: (...all) => all.find(isTrue) ?? all.at(-1),
  quote: (text) => JSON.stringify(String(text)),
  nindent: (count, text) => `\n${indented(count, text)}`,
  replace: (from, to, text) => String(text).replaceAll(String(from), String(to)),
  toYaml: (value) => dump(value).replace(/\n$/, ''),
  fail: (message) => {
    throw new Error(String(message));
  },
};

/** The output of `helm template --namespace NAMESPACE` for the chart, from the test's own evaluator. */
export function renderChart(values: Values, namespace = 'kube-system'): Manifest[] {
  const names = readdirSync(join(chartFolder, 'templates')).sort();
  const files = new Map(names.map((name) => [name, read(join('templates', name))]));
  const dot = {
    Values: merged(defaultValues, values),
    Release: { Namespace: namespace },
    Files: { Get: (path: unknown) => read(String(path)) },
  };
  return [...renderTemplates(files, dot, functions).values()].flatMap(manifestsIn);
}

/** Merges given values into the chart's own, as helm does: objects are merged, everything else is replaced. */
function merged(own: unknown, given: unknown): unknown {
  if (!isRecord(own) || !isRecord(given)) return given;
  const keys = new Set([...Object.keys(own), ...Object.keys(given)]);
  return Object.fromEntries([...keys].map((key) => [key, key in given ? merged(own[key], given[key]) : own[key]]));
}

function isRecord(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The same from helm, where it is in PATH. */
export function renderWithHelm(values: Values, namespace = 'kube-system'): Manifest[] {
  const folder = mkdtempSync(join(tmpdir(), 'slicewright-chart-'));
  try {
    writeFileSync(join(folder, 'values.yaml'), dump(values));
    const args = ['template', 's', chartFolder, '--namespace', namespace, '--values', join(folder, 'values.yaml')];
    const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
    return manifestsIn(execFileSync('helm', args, { encoding: 'utf8', stdio, maxBuffer: 2 ** 24 }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function manifestsIn(text: string): Manifest[] {
  return (loadAll(text) as (Manifest | null | undefined)[]).filter((each) => each !== null && each !== undefined);
}
