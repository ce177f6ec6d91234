import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProgram } from '../../agent/cli.ts';
import { placesIn } from '../../agent/terminal/command-tree.ts';
import { buildPackage } from '../../tools/build.ts';

/* What `make install` puts on a system, and whether the programs that it is for take it. */

const project = fileURLToPath(new URL('../..', import.meta.url));
const version = /^\d+\.\d+\.\d+$/;
let folder = '';
let root = '';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'install-'));
  const dist = join(folder, 'dist');
  root = join(folder, 'destination/usr');
  await buildPackage(relative(project, dist));
  for (let times = 0; times < 2; times++)
    execFileSync(join(project, 'tools/install/install.sh'), [dist, root], { cwd: project });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** In an empty folder, with what is installed first in PATH. */
function call(command: string, args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const empty = join(folder, 'empty');
  mkdirSync(empty, { recursive: true });
  const path = [join(root, 'bin'), dirname(process.execPath), process.env['PATH']].join(delimiter);
  const env = { ...process.env, PATH: path, HOME: empty };
  return spawnSync(command, args, { encoding: 'utf8', cwd: empty, env });
}

/** Why the tests of a program do not run; undefined: it is here. */
function lackOf(program: string): string | undefined {
  return spawnSync(program, ['--version']).error === undefined ? undefined : `${program} is not installed`;
}

function describeWith(program: string, name: string, body: () => void): void {
  const lack = lackOf(program) ?? (program === 'kubectl' ? kubectlLack() : undefined);
  describe(name, lack === undefined ? {} : { meta: { notRun: lack }, skip: true }, body);
}

/** Completion of plugins came with kubectl 1.26. */
function kubectlLack(): string | undefined {
  const { stdout } = spawnSync('kubectl', ['version', '--client', '-o', 'json'], { encoding: 'utf8' });
  const minor = Number(/"minor": "(\d+)/.exec(stdout)?.[1]);
  return minor >= 26 ? undefined : `kubectl 1.${minor} completes no plugins: 1.26 does`;
}

describe('installed', () => {
  it('slicewright runs, and knows its commit', () => {
    const { status, stdout } = call('slicewright', ['version', '-o', 'json']);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'Version',
      version: expect.stringMatching(version) as string,
      gitCommit: expect.stringMatching(/^[0-9a-f]{40}(?:-dirty)?$/) as string,
    });
  });

  it('every command has a man page, and no page is left over', async () => {
    const pages = readdirSync(join(root, 'share/man/man1'));
    const commands = placesIn(await createProgram()).map(({ path }) => `slicewright-${path.join('-')}.1`);
    expect(commands).toContain('slicewright-explain-packet.1');
    expect(pages.sort()).toEqual(['slicewright.1', ...commands].sort());
  });

  it('a page has what --help has, with nothing lost to roff', () => {
    const page = readFileSync(join(root, 'share/man/man1/slicewright-explain-packet.1'), 'utf8');
    expect(page).toContain('.SH "OPTIONS"');
    expect(page).toContain('\\fB\\-f\\fR, \\fB\\-\\-filename\\fR \\fIpath\\fR');
    expect(page).toMatch(/\n\.SH "EXAMPLES"\n\.PP\n\.nf\n(?: {2}slicewright explain packet .*\n)+\.fi\n/);
    expect(page).toContain('\\(aqoutside 192.0.2.1 \\-> 192.0.2.7:30080/tcp\\(aq');
  });
});

describeWith('groff', 'groff', () => {
  it('takes every page without a warning', () => {
    const pages = readdirSync(join(root, 'share/man/man1')).map((name) => join(root, 'share/man/man1', name));
    expect(call('groff', ['-man', '-ww', '-Kutf8', '-Tutf8', '-z', ...pages])).toMatchObject({ status: 0, stderr: '' });
    const broken = join(folder, 'broken.1');
    writeFileSync(broken, '.TH X 1\n.nosuchmacro\n');
    expect(call('groff', ['-man', '-ww', '-Kutf8', '-Tutf8', '-z', broken]).stderr).toContain('nosuchmacro');
  });
});

describeWith('kubectl', 'kubectl', () => {
  it('runs slicewright as a plugin, with its exit status', () => {
    expect(call('kubectl', ['slicewright', '--version']).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(call('kubectl', ['slicewright', 'compile', '-f', 'missing.yaml'])).toMatchObject({
      status: 1,
      stderr: 'error: file missing.yaml: there is no such file [file-unreadable]\n',
    });
  });

  it.each([
    [['pl'], /^plan\t.*\n:4\n$/],
    [['compile', '--backend', ''], /^iptables.*\nipvs.*\nnftables.*\n:4\n$/],
    [['compile', '-f', ''], /^:0\n$/],
  ])('completes %j', (words, offered) => {
    expect(call('kubectl', ['__complete', 'slicewright', ...words]).stdout).toMatch(offered);
  });
});

describeWith('fish', 'fish', () => {
  it.each([
    ['slicewright pl', 'plan\tshow what would change'],
    ['slicewright explain p', 'packet\tfollow one packet'],
    ['slicewright compile --backend ipv', 'ipvs\t'],
  ])('completes %j', (line, offered) => {
    const script = join(root, 'share/fish/vendor_completions.d/slicewright.fish');
    expect(call('fish', ['--no-config', '-c', `source ${script}; complete -C '${line}'`]).stdout).toMatch(
      new RegExp(`^${offered}`),
    );
  });
});

describeWith('bash', 'bash', () => {
  it('completes after the file that it loads by name', () => {
    const script = join(root, 'share/bash-completion/completions/slicewright');
    const asked = `source ${script}; COMP_WORDS=(slicewright pl); COMP_CWORD=1; _slicewright; echo "\${COMPREPLY[@]}"`;
    expect(call('bash', ['-c', asked]).stdout).toBe('plan\n');
  });
});

describeWith('zsh', 'zsh', () => {
  /** What zsh's own functions are called with, since a completion itself needs a terminal. */
  function offered(words: string, setUp: string): string {
    return call('zsh', [
      '-f',
      '-c',
      `${setUp}
_describe() { print -r -- "$1:"; print -rl -- "\${(@P)2}" }
_files() { print files }
words=(${words}); CURRENT=$#words; _slicewright`,
    ]).stdout;
  }
  const asFile = () =>
    `fpath=(${root}/share/zsh/site-functions $fpath); autoload -Uz compinit; compinit -u -D; autoload +X -U _slicewright`;
  const sourced = () =>
    `autoload -Uz compinit; compinit -u -D; source ${root}/share/zsh/site-functions/_slicewright; [[ $_comps[slicewright] == _slicewright ]] || print lost`;

  it.each([
    ['from its folder', asFile],
    ['sourced', sourced],
  ])('completes %s', (_how, setUp) => {
    expect(offered('slicewright pl', setUp())).toMatch(/^slicewright:\nplan:show what would change.*\n$/);
    expect(offered("slicewright compile '--backend' ip", setUp())).toBe('slicewright:\niptables:\nipvs:\n');
    expect(offered("slicewright compile -f ''", setUp())).toBe('files\n');
  });
});
