import { isAscii } from 'node:buffer';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { type Metafile, transform } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildPackage, packagesIn } from '../../tools/build.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const seed = [
  'compile',
  '-f',
  join(project, 'tools/demo/member2.yaml'),
  '--node',
  join(project, 'tools/demo/node.yaml'),
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slicewright-package-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function call(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  return execFileSync(file, args, {
    encoding: 'utf8',
    cwd: project,
    env: { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

describe('the package as npm publishes it', () => {
  let elsewhere: string;
  beforeAll(() => {
    elsewhere = join(folder, 'elsewhere');
    const npm = (args: readonly string[]): string => call('tools/with-node', ['npm', ...args]);
    npm(['pack', '--silent', '--pack-destination', folder]);
    const [tarball] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
    npm(['install', '--silent', '--offline', '--prefix', elsewhere, join(folder, tarball!)]);
  });

  test('installs elsewhere without a registry and compiles seed B as the sources do', () => {
    const printed = call('tools/with-node', [join(elsewhere, 'node_modules/.bin/slicewright'), ...seed]);
    expect(printed).toContain('-j KUBE-SVC-ICRL3RCP3N62CZN4');
    expect(printed).toContain('--probability 0.50000000000 -j KUBE-SEP-');
    expect(printed).toBe(call('bin/slicewright', seed));
    expect(readdirSync(join(elsewhere, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
      'slicewright',
    ]);
  });

  describe('in tests of its users', () => {
    const suite = (): string => join(elsewhere, 'golden');
    beforeAll(() => {
      // As if it had been installed there: Node finds what it needs beside the real folder.
      symlinkSync(join(project, 'node_modules/vitest'), join(elsewhere, 'node_modules/vitest'));
      symlinkSync(join(project, 'node_modules/@types'), join(elsewhere, 'node_modules/@types'));
      cpSync(join(project, 'examples/golden'), suite(), { recursive: true });
      const test =
        "import { defineGoldenSuite } from 'slicewright/golden';\ndefineGoldenSuite(new URL('golden/', import.meta.url));\n";
      writeFileSync(join(elsewhere, 'rules.test.ts'), test);
    });

    function vitest(...args: readonly string[]): { readonly status: number | null; readonly said: string } {
      const command = [
        join(project, 'node_modules/vitest/vitest.mjs'),
        'run',
        '--reporter=verbose',
        '--testTimeout=600000',
        ...args,
      ];
      const env = { ...process.env, VITEST: undefined, NODE_ENV: undefined, SEED: undefined };
      const { status, stdout, stderr } = spawnSync(process.execPath, command, {
        encoding: 'utf8',
        cwd: elsewhere,
        env,
      });
      return { status, said: stripVTControlCharacters(stdout + stderr) };
    }

    test('golden cases are tests of vitest, which fail where something is different and are accepted with -u', () => {
      const first = vitest();
      expect(first.said).toContain('cart-in-two-clusters > flows.txt:2 pod 10.1.0.9 -> shop/cart:http (ipvs)');
      expect(first.said).toMatch(/Tests +30 passed/);
      expect(first.status).toBe(0);
      const program = join(suite(), 'pay-for-the-office/iptables.txt');
      const text = readFileSync(program, 'utf8');
      writeFileSync(program, text.replace('10.1.1.20:8443', '10.1.1.21:8443'));
      const second = vitest();
      expect(second.said).toMatch(/Tests +1 failed \| 29 passed/);
      expect(second.said).toMatch(/^\+.*--to-destination 10\.1\.1\.20:8443/m);
      expect(second.status).toBe(1);
      expect(readFileSync(program, 'utf8')).not.toBe(text);
      expect(vitest('-u').status).toBe(0);
      expect(readFileSync(program, 'utf8')).toBe(text);
    });

    test('the entry has types of its own', () => {
      const options = { strict: true, noEmit: true, module: 'nodenext', target: 'es2023', types: ['node'] };
      writeFileSync(
        join(elsewhere, 'tsconfig.json'),
        JSON.stringify({ compilerOptions: options, files: ['rules.test.ts'] }),
      );
      writeFileSync(join(elsewhere, 'package.json'), '{ "type": "module" }');
      const check = () => spawnSync('tsc', ['-p', '.'], { encoding: 'utf8', cwd: elsewhere });
      expect(check()).toMatchObject({ status: 0, stdout: '' });
      writeFileSync(
        join(elsewhere, 'rules.test.ts'),
        "import { defineGoldenSuite } from 'slicewright/golden';\ndefineGoldenSuite(7);\n",
      );
      expect(check().stdout).toContain(
        "Argument of type 'number' is not assignable to parameter of type 'string | URL'",
      );
    });
  });
});

describe('the built program', () => {
  let metafile: Metafile;
  const built = (): string => join(folder, 'dist');
  beforeAll(async () => {
    metafile = await buildPackage(relative(project, built()));
  });

  /** Built files that a call loads, as in the metafile. status   what it ends with */
  function loadedFiles(args: readonly string[], status = 0): string[] {
    const record = join(folder, 'loaded');
    writeFileSync(record, '');
    const hook = fileURLToPath(new URL('record-loads.mjs', import.meta.url));
    const program = ['node', '--import', hook, join(built(), 'slicewright.js'), ...args];
    const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1', LOADED_FILES: record };
    const ended = spawnSync(join(project, 'tools/with-node'), program, { encoding: 'utf8', cwd: project, env });
    expect(ended).toMatchObject({ status });
    const files = readFileSync(record, 'utf8').trim().split('\n');
    const outputs = files.map((url) => relative(project, fileURLToPath(url))).filter((path) => metafile.outputs[path]);
    expect(outputs.length).toBeGreaterThan(0);
    return outputs;
  }

  /** Sources whose code a call loads, however it is spread over files; sorted. */
  function loadedSources(args: readonly string[], status = 0): string[] {
    return loadedFiles(args, status)
      .flatMap((path) => Object.keys(metafile.outputs[path]!.inputs))
      .sort();
  }

  function loadedPackages(args: readonly string[]): string[] {
    return packagesIn(loadedSources(args)).map((name) => name.slice('node_modules/'.length));
  }

  test('asking for help loads the argument parser alone', () => {
    expect(loadedPackages(['--help'])).toEqual(['commander']);
  });

  test('help is written down when it is built, and reads as it does from the sources', () => {
    for (const option of ['--help', '-h']) {
      expect(call('tools/with-node', [join(built(), 'slicewright.js'), option])).toBe(
        call('bin/slicewright', [option]),
      );
    }
  });

  test('a command loads its own definition alone', () => {
    const commands = loadedSources(['status', '--help']).filter((file) => file.startsWith('agent/command-line/'));
    expect(commands).toEqual(
      ['io', 'outline', 'output', 'selector', 'status', 'watching'].map((name) => `agent/command-line/${name}.ts`),
    );
  });

  test('asking an agent for its status loads no parser of objects, and no backend', () => {
    // Nobody listens there.
    const sources = loadedSources(['status', '--address', '127.0.0.1:1'], 1);
    expect(sources).toContain('agent/commands/status.ts');
    expect(sources.filter((file) => /^(compiler\/model|backends\/(index|.*\/))/.test(file))).toEqual([]);
  });

  test('compiling loads nothing of the cluster, of processes, of validation or of differences', () => {
    expect(loadedPackages(seed)).toEqual(['commander', 'handlebars', 'js-yaml']);
  });

  test('a command loads few files', () => {
    expect(loadedFiles(seed).length).toBeLessThan(12);
    expect(loadedFiles(['--help']).length).toBeLessThan(5);
  });

  test('has of the Kubernetes client what a kubeconfig says, and none of its kinds, calls and connections', () => {
    const used = Object.values(metafile.outputs).flatMap(({ inputs }) =>
      Object.entries(inputs).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : [])),
    );
    const inClient = used.filter((file) => file.includes('/@kubernetes/client-node/'));
    expect(inClient).toContain('node_modules/@kubernetes/client-node/dist/exec_auth.js');
    expect(inClient.filter((file) => /gen\/(apis|models|types)\//.test(file))).toEqual([]);
    expect(packagesIn(used)).not.toContain('node_modules/undici');
  });

  test('is text of one byte a character, since V8 keeps what it loaded', () => {
    // The entry for tests of users is written as a module.
    const paths = Object.keys(metafile.outputs).map((path) => path.replace(/\/golden\.js$/, '/golden.mjs'));
    for (const path of paths) expect(isAscii(readFileSync(join(project, path)))).toBe(true);
  });

  test.each([
    ['is kept in a folder of its user alone', 0o700, true],
    ['is not kept where others can write', 0o777, false],
  ])('compiled code %s', (_, mode, kept) => {
    const cache = join(folder, `cache-${mode}`);
    mkdirSync(cache);
    chmodSync(cache, mode);
    const env = { XDG_CACHE_HOME: cache, NODE_COMPILE_CACHE: undefined, NODE_DISABLE_COMPILE_CACHE: undefined };
    call('tools/with-node', [join(built(), 'slicewright.js'), ...seed], env);
    expect(readdirSync(cache)).toEqual(kept ? ['slicewright'] : []);
  });

  test('a command runs with the code that an earlier run kept, and prints the same', () => {
    const cache = join(folder, 'cache-again');
    mkdirSync(cache, { mode: 0o700 });
    const env = { XDG_CACHE_HOME: cache, NODE_COMPILE_CACHE: undefined, NODE_DISABLE_COMPILE_CACHE: undefined };
    const compile = (): string => call('tools/with-node', [join(built(), 'slicewright.js'), ...seed], env);
    const kept = (): string[] =>
      readdirSync(cache, { recursive: true, withFileTypes: true })
        .filter((found) => found.isFile())
        .map(({ parentPath, name }) => `${name} ${statSync(join(parentPath, name)).ino}`);
    const first = compile();
    const before = kept();
    expect(before).toEqual([expect.stringMatching(/^compile-/)]);
    expect(compile()).toBe(first);
    // A file that is not whole, or that another build has left, would have been written again.
    expect(kept()).toEqual(before);
    expect(() => call('tools/with-node', [join(built(), 'slicewright.js'), 'no-such-command'], env)).toThrow();
    expect(kept()).toEqual(before);
  });

  describe('on a Node that is too old', () => {
    test.each(['0.10.48', '8.17.0', '20.20.2', '22.18.9'])(
      'of version %s says so in one line and ends with 1',
      (version) => {
        const preload = join(folder, 'old.cjs');
        writeFileSync(preload, `Object.defineProperty(process, 'versions', { value: { node: '${version}' } });\n`);
        const args = ['node', '--require', preload, join(built(), 'slicewright.js'), '--version'];
        const { status, stdout, stderr } = spawnSync(join(project, 'tools/with-node'), args, {
          encoding: 'utf8',
          cwd: project,
        });
        expect({ status, stdout, stderr }).toEqual({
          status: 1,
          stdout: '',
          stderr: `slicewright needs Node 22.19 or newer, and this is Node ${version}\n`,
        });
      },
    );

    test('what it reads first has only words that any Node knows', async () => {
      const text = readFileSync(join(built(), 'slicewright.js'), 'utf8');
      const { code } = await transform(text, { target: 'es5', format: 'cjs' });
      expect(code.replace(/["']/g, '"')).toContain('require("./start.js")');
      await expect(transform('const a = () => 1;', { target: 'es5', logLevel: 'silent' })).rejects.toThrow('es5');
    });
  });

  test('carries the licence of every package inside', () => {
    const licences = readFileSync(join(built(), 'LICENSES.txt'), 'utf8');
    const inside = packagesIn(Object.keys(metafile.inputs));
    expect(inside.length).toBeGreaterThan(2);
    for (const name of inside) expect(licences).toContain(`${name.slice('node_modules/'.length)} `);
  });
});
