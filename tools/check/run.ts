// `make check`: everything that a machine can judge without running the code. All checks run, even after
// a failure, so that one round shows everything that needs work.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { circleBreaches } from './circles.ts';
import { folderBreaches, lockBreaches, machinePathBreaches } from './files.ts';
import { type Breach, fixtureBreaches, importBreaches, nameBreaches } from './imports.ts';
import { voiceBreaches } from './voice.ts';

const commands: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['format', 'biome', 'format', '--log-level=warn', '.'],
  ['types', 'tsc', '-p', '.'],
  ['types in a browser', 'tsc', '-p', 'agent/report/browser'],
  ['lint', 'oxlint', '--type-aware', '--deny-warnings', '--format=unix', '.'],
  ['dead code', 'knip', '--no-progress'],
];

let failed = 0;
for (const [name, command, ...args] of commands) {
  const result = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const why = result.error === undefined ? `${result.stdout}${result.stderr}` : String(result.error);
  report(name, result.status === 0 ? [] : [why.trimEnd() || `${command} ended with ${result.status}`]);
}
report(
  'rules of the project',
  projectBreaches().map(({ file, line, message }) => `${file}:${line}: ${message}`),
);
if (failed > 0) process.exitCode = 1;

function report(name: string, problems: readonly string[]): void {
  console.log(`${problems.length === 0 ? 'ok    ' : 'FAILED'} ${name}`);
  for (const problem of problems) console.log(problem.replace(/^/gm, '       '));
  if (problems.length > 0) failed++;
}

function projectBreaches(): readonly Breach[] {
  const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    encoding: 'utf8',
  });
  if (listed.status !== 0) return [{ file: '.', line: 1, message: `git ls-files failed: ${listed.stderr}` }];
  const files = listed.stdout.split('\0').filter((file) => file !== '' && existsSync(file));
  const breaches = [
    ...folderBreaches(files),
    ...lockBreaches(readFileSync('package-lock.json', 'utf8'), readFileSync('package.json', 'utf8')),
  ];
  const sources = new Map<string, string>();
  for (const file of files) {
    const text = readFileSync(file, 'utf8');
    breaches.push(...machinePathBreaches(file, text), ...voiceBreaches(file, text));
    if (!file.endsWith('.ts')) continue;
    breaches.push(...importBreaches(file, text), ...nameBreaches(file, text));
    sources.set(file, text);
  }
  return [...breaches, ...fixtureBreaches(sources), ...circleBreaches(sources)];
}
