import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

/** The output of `make test` for the fixture's tests. */
function run(env: Readonly<Record<string, string>>) {
  const { SEED: _, CI: __, ...others } = process.env;
  const options = ['tools/test/run.ts', '--config', 'tools/test/wavering-config.fixture.ts', '--no-color'];
  const { stdout, stderr, status } = spawnSync(process.execPath, options, {
    encoding: 'utf8',
    env: { ...others, ...env },
  });
  const said = stdout + stderr;
  return {
    said,
    status,
    lines: stdout.trimEnd().split('\n'),
    /** The seeds that failing properties printed with the command that repeats them. */
    seeds: [...said.matchAll(/See it again \((.*)\): SEED=(-?\d+) make test FILES=(\S+)$/gm)].map(
      ([, ...parts]) => parts,
    ),
    counterexamples: [...said.matchAll(/Counterexample: (.*)/g)].map(([, value]) => value),
  };
}

test('in CI what meets a kernel has a second try, and nothing else; chance is the same in both', () => {
  const inCi = run({ CI: 'true', SEED: '7' });
  expect(inCi.lines).toContain(
    'passed only when tried again: tools/test/wavering.fixture.ts: on a kernel > one fails once',
  );
  expect(inCi.lines.filter((line) => line.startsWith('passed only'))).toHaveLength(1);
  expect(inCi.lines.at(-1)).toBe('1 passed, 5 failed');
  expect(inCi.status).toBe(1);
});

test('elsewhere nothing has', () => {
  const { lines } = run({ SEED: '7' });
  expect(lines.filter((line) => line.startsWith('passed only'))).toEqual([]);
  expect(lines.at(-1)).toBe('0 passed, 6 failed');
});

test('a test that looks at nothing fails', () => {
  expect(run({}).said).toMatch(/one looks at nothing\n.*expected any number of assertion, but got none/);
});

test('a property that fails prints a command, and the command leads to the same counterexample', () => {
  const first = run({});
  const [seed = ''] = first.seeds.map(([, seen]) => seen);
  const file = 'tools/test/wavering.fixture.ts';
  expect(new Set(first.seeds.map(String))).toEqual(
    new Set([`a property fails,${seed},${file}`, `a property fails later,${seed},${file}`]),
  );
  expect(first.lines).toContain(
    `the seed of this run is ${seed}; the same chance again: SEED=${seed} make test FILES=path`,
  );
  expect(first.counterexamples.length).toBeGreaterThanOrEqual(2);
  expect(run({ SEED: seed }).counterexamples).toEqual(first.counterexamples);
  expect(run({}).counterexamples).not.toEqual(first.counterexamples);
});
