import { describe, expect, test } from 'vitest';
import { fixtureBreaches, importBreaches, nameBreaches } from './imports.ts';

function messages(file: string, source: string): string[] {
  return importBreaches(file, source).map(({ line, message }) => `${line}: ${message}`);
}

describe('the import rule', () => {
  test('the compiler knows no backend, whatever the form of the import', () => {
    const message = '1: compiler/ may not import backends/backend.ts';
    expect(messages('compiler/ir/ir.ts', "import type { Backend } from '../../backends/backend.ts';")).toEqual([
      message,
    ]);
    expect(messages('compiler/ir/ir.ts', "export { phases } from '../../backends/backend.ts';")).toEqual([message]);
    expect(messages('compiler/ir/ir.ts', "const x = await import('../../backends/backend.ts');")).toEqual([message]);
    expect(messages('compiler/ir/ir.ts', "import '../../backends/backend.ts';")).toEqual([message]);
  });

  test('an import over several lines is seen where it names its module', () => {
    const source = "import {\n  a,\n  b,\n} from '../../agent/cli.ts';";
    expect(messages('compiler/ir/ir.ts', source)).toEqual(['4: compiler/ may not import agent/cli.ts']);
  });

  test('a backend knows the compiler, the contracts and netfilter, and no other backend', () => {
    const source = [
      "import { x } from '../../compiler/ir/ir.ts';",
      "import { y } from '../netfilter/rule.ts';",
      "import { z } from '../backend.ts';",
      "import { w } from '../ipvs/program/sets.ts';",
    ].join('\n');
    expect(messages('backends/iptables/lower.ts', source)).toEqual([
      '4: backends/iptables/ may not import backends/ipvs/program/sets.ts',
    ]);
    expect(messages('backends/netfilter/diff/diff.ts', "import { x } from '../../iptables/lower.ts';")).toHaveLength(1);
  });

  test('one file opens servers for HTTP, where the limits for clients stand', () => {
    const source = "import {\n  createServer,\n} from 'node:http';";
    expect(messages('agent/serving/health.ts', source)).toEqual([
      '3: servers for HTTP are opened by openListener (agent/serving/listener.ts)',
    ]);
    expect(messages('agent/serving/listener.ts', source)).toEqual([]);
    expect(messages('agent/node/node-lock.ts', "import { createServer } from 'node:net';")).toEqual([]);
    expect(messages('agent/sources/api.ts', "import { request } from 'node:http';")).toEqual([]);
  });

  test('fixtures import what tests do, and only tests import fixtures', () => {
    const source = "import { compileObjects } from '../../test/helpers/compile.ts';";
    expect(messages('agent/loop/loop.fixture.ts', source)).toEqual([]);
    expect(messages('agent/loop/loop.ts', source)).toEqual(['1: agent/ may not import test/helpers/compile.ts']);
    const fixture = "import { world } from './loop.fixture.ts';";
    expect(messages('agent/loop/loop.test.ts', fixture)).toEqual([]);
    expect(messages('agent/loop/loop.ts', fixture)).toEqual(['1: agent/ may not import agent/loop/loop.fixture.ts']);
    const far = "import { world } from '../../agent/loop/loop.fixture.ts';";
    expect(messages('tools/bench/run.ts', far)).toEqual(['1: only tests may import agent/loop/loop.fixture.ts']);
    expect(messages('test/agent/field.ts', far)).toEqual([]);
  });

  test('a file of the agent that only tests use carries it in its name', () => {
    const files = (user: string, name: string) =>
      new Map([
        [user, `import { memoryIo } from './${name}';`],
        [`agent/${name}`, ''],
      ]);
    const message = 'only tests import it: its name ends with .fixture.ts';
    expect(fixtureBreaches(files('agent/cli.test.ts', 'io.ts'))).toEqual([{ file: 'agent/io.ts', line: 1, message }]);
    expect(fixtureBreaches(files('agent/cli.test.ts', 'io.fixture.ts'))).toEqual([]);
    expect(fixtureBreaches(files('agent/cli.ts', 'io.ts'))).toEqual([]);
  });

  test('callers of backends know none by name, but for keys of the configuration', () => {
    const source = "const other = 1;\nif (backend === 'ipvs') apply();\n";
    expect(nameBreaches('agent/commands/apply.ts', source)).toEqual([
      {
        file: 'agent/commands/apply.ts',
        line: 2,
        message: 'knows the backend ipvs by name: ask the list in backends/index.ts',
      },
    ]);
    for (const file of ['agent/config/keys.ts', 'agent/commands/apply.test.ts', 'backends/ipvs/index.ts']) {
      expect(nameBreaches(file, source)).toEqual([]);
    }
  });

  test('types of a package cost nothing, its code does', () => {
    expect(messages('compiler/model/service.ts', "import type { V1Service } from '@kubernetes/client-node';")).toEqual(
      [],
    );
    expect(messages('compiler/model/service.ts', "import { V1Service } from '@kubernetes/client-node';")).toEqual([
      '1: compiler/ may not import @kubernetes/client-node at run time',
    ]);
    const spawning = "const { spawn } = await import('node:child_process');";
    expect(messages('backends/apply.ts', spawning)).toHaveLength(1);
    expect(messages('backends/run.ts', spawning)).toEqual([]);
  });

  test('pure code has no clock, chance, environment or machine-dependent order; comments and tests may speak of them', () => {
    expect(messages('compiler/a.ts', 'const now = Date.now();')).toEqual(['1: "Date.now" has no place in pure code']);
    expect(messages('backends/ipvs/plan/plan.ts', 'list.sort((a, b) => a.localeCompare(b))')).toHaveLength(1);
    expect(messages('backends/ipvs/plan/plan.ts', 'if (process.env.DEBUG) log();')).toHaveLength(1);
    expect(messages('compiler/a.ts', '// Date.now() would differ')).toEqual([]);
    expect(messages('compiler/a.test.ts', 'Date.now()')).toEqual([]);
    expect(messages('agent/reconcile.ts', 'Date.now()')).toEqual([]);
  });
});
