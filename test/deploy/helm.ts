import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL, fileURLToPath } from 'node:url';
import type { Run } from '../../backends/command.ts';
import { runWithin } from '../netns/processes.ts';
import { renderChart, type Values } from './chart.ts';

/*
 * `helm install` without helm: renders the chart by the tests' own evaluator (chart.test.ts compares it with helm where
 * helm is installed), and applies it by kubectl. It is a program, so that a page's command runs unchanged.
 */

/** Puts a program called `helm` into a folder. */
export function writeHelm(folder: string): void {
  const here = fileURLToPath(import.meta.url);
  writeFileSync(join(folder, 'helm'), `#!/bin/sh\nexec '${process.execPath}' '${here}' "$@"\n`, { mode: 0o755 });
}

/** `clusters={west},registry[0].id=west,leases=true` as values. Does not understand escapes and null. */
export function valuesOf(text: string): Values {
  const values: Record<string, unknown> = {};
  for (const [, path = '', value = ''] of text.matchAll(/([^=,]+)=(\{[^}]*\}|[^,]*)(?:,|$)/g)) {
    set(values, path.split(/\.|(?=\[)/), parsed(value));
  }
  return values;
}

function set(holder: Record<string, unknown>, [name = '', ...rest]: readonly string[], value: unknown): void {
  const key = name.replace(/^\[(\d+)\]$/, '$1');
  if (rest.length === 0) {
    holder[key] = value;
    return;
  }
  holder[key] ??= rest[0]?.startsWith('[') === true ? [] : {};
  set(holder[key] as Record<string, unknown>, rest, value);
}

function parsed(value: string): unknown {
  if (value.startsWith('{')) return value.slice(1, -1).split(',');
  return value === 'true' ? true : value === 'false' ? false : value;
}

/** `--kube-context home install NAME CHART --namespace NAMESPACE --set …` */
async function install(args: readonly string[], run: Run): Promise<number> {
  const after = (option: string) => args.flatMap((arg, i) => (args[i - 1] === option ? [arg] : []));
  const values = valuesOf(after('--set').join(','));
  const items = renderChart(values, after('--namespace')[0]);
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  const context = after('--kube-context').flatMap((name) => ['--context', name]);
  const { exitCode, stdout, stderr } = await run('kubectl', [...context, 'apply', '-f', '-'], list);
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  return exitCode ?? 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = await install(process.argv.slice(2), runWithin(300_000, process.env, process.cwd()));
}
