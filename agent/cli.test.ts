import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/* The real command line in its own process: shows what no test inside one process can show. */

const launcher = fileURLToPath(new URL('../bin/slicewright', import.meta.url));
let elsewhere = '';
beforeAll(() => {
  elsewhere = mkdtempSync(join(tmpdir(), 'cli-test-'));
  symlinkSync(launcher, join(elsewhere, 'sw'));
});
afterAll(() => {
  rmSync(elsewhere, { recursive: true, force: true });
});

interface Outcome {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** closeEarly: stop reading standard output after its first piece, as `head` does. */
function slicewright(args: readonly string[], stdin = '', closeEarly = false): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(join(elsewhere, 'sw'), args, { cwd: elsewhere });
    let out = '';
    let err = '';
    child.stdout.on('data', (piece: Buffer) => {
      out += piece.toString();
      if (closeEarly) child.stdout.destroy();
    });
    child.stderr.on('data', (piece: Buffer) => {
      err += piece.toString();
    });
    // A usage error ends the process before it has read its input.
    child.stdin.on('error', () => {});
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, out, err }));
    child.stdin.end(stdin);
  });
}

/** As many Services with one endpoint each, as `kubectl get -o json` gives them. */
function services(count: number): string {
  const items = Array.from({ length: count }, (_, i) => {
    const octets = `${i >> 7}.${(i & 127) + 1}`;
    const metadata = { namespace: 'shop', name: `cart-${i}` };
    return [
      { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP: `10.96.${octets}`, ports: [{ port: 80 }] } },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { ...metadata, labels: { 'kubernetes.io/service-name': metadata.name } },
        addressType: 'IPv4',
        endpoints: [{ addresses: [`10.1.${octets}`] }],
        ports: [{ port: 8080, protocol: 'TCP' }],
      },
    ];
  });
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: items.flat() });
}

/** Commands that a help text lists, except `help` itself. */
function commandsIn(help: string): string[] {
  const [, listed = ''] = help.split(/^Commands:\n/m);
  const [block = ''] = listed.split('\n\n');
  return [...block.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name ?? '').filter((name) => name !== 'help');
}

describe('the slicewright process', () => {
  it('runs from anywhere through a link, and writes all of a large output into a pipe', async () => {
    const { status, out, err } = await slicewright(['compile', '-f', '-'], services(800));
    expect([status, err.replace(/^info: .*\n/gm, '')]).toEqual([0, '']);
    expect(out.match(/ -j DNAT --to-destination /g)).toHaveLength(800);
    expect(out.endsWith('\nCOMMIT\n')).toBe(true);
  });

  it('ends quietly when its reader has seen enough', async () => {
    const { status, err } = await slicewright(['compile', '-f', '-'], services(800), true);
    expect([status, err.replace(/^info: .*\n/gm, '')]).toEqual([0, '']);
  });

  it('says which version it is', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(await slicewright(['--version'])).toEqual({ status: 0, out: `${version}\n`, err: '' });
  });

  it('runs where its cache folder cannot be looked at', () => {
    const loop = join(elsewhere, 'loop');
    symlinkSync(loop, loop);
    const env = { ...process.env, XDG_CACHE_HOME: loop };
    const { status, stderr } = spawnSync(launcher, ['--version'], { env, encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });

  it.each([
    [[], 'Usage: slicewright'],
    [['frobnicate'], "error: unknown command 'frobnicate'"],
    [['compile'], "error: required option '-f, --filename <path>' not specified"],
    [['compile', '-f', '-', '--famly', 'ipv4'], "error: unknown option '--famly'"],
    [['compile', '-f', '-', '--family', 'ipv5'], 'Allowed choices are ipv4, ipv6.'],
    [['compile', '-f', '-', 'stray'], 'error: too many arguments'],
    [['apply'], "error: one of '-f, --filename <path>' and '--plan <file>' must be given"],
    [['agent', '--cluster-cdir', '10.1.0.0/16'], '(Did you mean --cluster-cidr?)'],
    [['agent', '--init-only=perhaps'], 'It is not true or false.'],
    [['agent', '-v=much'], 'It is not a whole number.'],
    [
      ['apply', '-f', 'x', '--fail-on-danger', 'last-endpiont'],
      'There is no danger "last-endpiont". Did you mean last-endpoint?',
    ],
    [
      ['apply', '-f', 'x', '--fail-on-danger', 'mass-removal,zebra'],
      'There is no danger "zebra". The codes are mass-removal,',
    ],
    [['apply', '-f', 'x', '--mass-removal-threshold', '101'], 'It is not a whole number from 0 to 100.'],
    [['apply', '-f', 'x', '--plan', 'y'], "cannot be used with option '--plan <file>'"],
    [['plan', '-f', '-', '--agianst', 'x'], '(Did you mean --against?)'],
    [['plan', 'shop/'], '(Did you mean -f shop/?)'],
    [['compile', 'sw'], '(Did you mean -f sw?)'],
    [['agent', 'sw'], '(Did you mean --source sw?)'],
    [['compil', '-f', '-'], '(Did you mean compile?)'],
    [['controller', 'stauts'], '(Did you mean slicewright controller status?)'],
    [['plan', '-f', '-', '--fail-on-danger', 'two-mode'], 'Did you mean two-modes?'],
    [['verify', '-f', '-', '--backend', 'ivps'], '(Did you mean ipvs?)'],
    [['completion', 'bahs'], '(Did you mean bash?)'],
    [['plan', '-f', '-', '--cluster', 'west'], 'error: option --cluster west: is not NAME=PATH'],
    [['plan', '-f', '-', '--node', '-'], 'error: option -: standard input can be read only once'],
    [
      ['plan', 'multicluster', '-f', '-', '--clusterset-ip-range', 'x'],
      'error: option --clusterset-ip-range x: is not',
    ],
    [['cleanup', '--chain-prefix', 'X'], 'error: option --chain-prefix: needs --service-proxy-name'],
    [['agent', '--cluster', 'west', '--source', '.'], 'error: option --cluster west: is not NAME=FOLDER'],
    [['agent', '--scrape-address', 'x'], 'error: option --scrape-address x: is not an address'],
    [['agent', '--source', '.', '--source-limits', 'x'], 'error: option --source-limits x: is not NAME=NUMBER'],
    [['controller'], 'error: option --cluster: no cluster is given'],
    [['controller', '--cluster', 'a=b', '--listen-address', 'x'], 'error: option --listen-address x: is not'],
    [['status', '--address', 'x'], 'It is not HOST:PORT.'],
    [['controller', 'status', '--address', 'x'], 'It is not HOST:PORT.'],
  ])('exits with 2 when called as %j', async (args, message) => {
    const { status, out, err } = await slicewright(args);
    expect([status, out]).toEqual([2, '']);
    expect(err).toContain(message);
  });

  it('says that its output does not fit, and exits with 1', () => {
    const full = openSync('/dev/full', 'w');
    const args = ['compile', '-f', '/dev/null', '--diagnostics', 'json'];
    const { status, stderr } = spawnSync(launcher, args, { stdio: ['ignore', full, 'pipe'], encoding: 'utf8' });
    closeSync(full);
    expect([status, JSON.parse(stderr.trim().split('\n').at(-1)!)]).toEqual([
      1,
      {
        apiVersion: 'slicewright.dev/v1alpha1',
        kind: 'Diagnostic',
        severity: 'error',
        code: 'output-unwritable',
        object: { kind: 'file', name: '(standard output)' },
        message: 'cannot be written to: ENOSPC: no space left on device, write',
      },
    ]);
  });

  it('exits with 1 when it cannot compile', async () => {
    const { status, out, err } = await slicewright(['compile', '-f', 'missing.yaml']);
    expect({ status, out, err }).toEqual({
      status: 1,
      out: '',
      err: 'error: file missing.yaml: there is no such file [file-unreadable]\n',
    });
  });

  it("tells in docs/commands.md what every command's help offers", async () => {
    const documented = readFileSync(new URL('../docs/commands.md', import.meta.url), 'utf8');
    const commands = commandsIn((await slicewright(['--help'])).out);
    expect(commands).toContain('plan');
    for (const command of commands) {
      const section = documented.split(/^(?=## )/m).find((text) => text.startsWith(`## slicewright ${command}`));
      expect(section, `${command} has no section`).toBeDefined();
      const { out } = await slicewright([command, '--help']);
      const options = [...out.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, flag]) => flag ?? '');
      const shared = documented.split(/^## /m)[0] ?? '';
      expect(options.filter((flag) => flag !== '--help' && !`${shared}${section}`.includes(flag))).toEqual([]);
    }
  });

  it('shows examples in the help of every command, and each example begins with the command that it is of', async () => {
    const below = async (command: readonly string[]): Promise<void> => {
      const { out } = await slicewright([...command, '--help']);
      const [, examples = ''] = out.split(/^Examples?:\n/m);
      expect(examples, command.join(' ')).toContain(['  slicewright', ...command].join(' '));
      for (const name of commandsIn(out)) await below([...command, name]);
    };
    await below([]);
  });
});
