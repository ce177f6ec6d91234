import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileCommand } from '../../agent/commands/compile.ts';
import { planCommand } from '../../agent/commands/plan.ts';
import { verifyFoundCommand } from '../../agent/commands/verify-found.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import type { Run } from '../../backends/command.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const input = {
  filename: [`${here}objects.yaml`],
  node: `${here}node.yaml`,
  config: `${here}config.yaml`,
  diagnostics: 'human',
} as const;
const noRun: Run = () => Promise.reject(new Error('a dump needs no command'));
const host = { name: 'east-1', addresses: [] };

interface Unread {
  readonly what: string;
  readonly file: string;
  readonly find: RegExp;
  readonly put: string;
  /** The lines that nobody can read, as they are told. */
  readonly told: RegExp;
}

const unread: Readonly<Record<string, readonly Unread[]>> = {
  iptables: [
    {
      what: 'a rule',
      file: 'iptables-save',
      find: /(-A KUBE-SERVICES -d 10\.96\.0\.10\/32)/,
      put: '-A KUBE-SERVICES -d 10.96.0.10/32 -p tcp -m string --algo bm --string "x" -j DROP\n$1',
      told: /-m string/,
    },
  ],
  ipvs: [
    {
      what: 'a rule',
      file: 'ipvs.iptables-save',
      find: /(-A KUBE-SERVICES )/,
      put: '-A KUBE-SERVICES -d 10.96.0.10/32 -m set --match-set somebody src -j RETURN\n$1',
      told: /--match-set somebody/,
    },
  ],
  nftables: [
    {
      what: 'a rule',
      file: 'nft',
      find: /(chain translate \{\n)/,
      put: '$1\t\tip daddr 10.96.0.10 meta time "12:00"-"13:00" drop\n',
      told: /meta time/,
    },
    {
      what: 'an element of a map',
      file: 'nft',
      find: /(map services \{[^}]*elements = \{ )/,
      put: '$110.96.0.0/24 . tcp . 9999 : drop, ',
      told: /10\.96\.0\.0\/24 \. tcp \. 9999 : drop/,
    },
    {
      what: 'an element of a set',
      file: 'nft',
      find: /(set cluster-ips \{[^}]*elements = \{ )/,
      put: '$110.96.0.0/30, ',
      told: /10\.96\.0\.0\/30/,
    },
  ],
};

describe.each(Object.keys(unread))('what nobody can read, in mode %s', (backend) => {
  const folder = mkdtempSync(join(tmpdir(), 'slicewright-unread-'));
  beforeAll(async () => {
    expect(await compileCommand({ ...input, backend, out: folder }, memoryIo())).toBe(0);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(unread[backend] ?? [])('is named if it is $what, and everything else is still compared', async (one) => {
    const path = join(folder, one.file);
    const right = readFileSync(path, 'utf8');
    expect(right).toMatch(one.find);
    writeFileSync(path, right.replace(one.find, one.put));
    try {
      const io = memoryIo();
      const options = { ...input, backend, against: [folder], output: 'json' } as const;
      expect(await verifyFoundCommand(options, io, noRun, host)).toBe(3);
      const { families } = JSON.parse(io.written.out) as {
        families: { family: string; notUnderstood: string[]; differences: unknown[] }[];
      };
      const found = families.filter(({ family }) => family === 'IPv4');
      expect(found.flatMap(({ differences }) => differences)).toEqual([]);
      expect(found.flatMap(({ notUnderstood }) => notUnderstood).length).toBeGreaterThan(0);
      for (const line of found.flatMap(({ notUnderstood }) => notUnderstood)) expect(line).toMatch(one.told);
      const plan = memoryIo();
      expect(await planCommand({ ...options, output: 'text' }, plan, noRun, host)).toBe(2);
      expect(plan.written.out).toMatch(one.told);
    } finally {
      writeFileSync(path, right);
    }
  });
});

it("what no rule looks into is nobody's question in nftables mode, but a plan removes it", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'slicewright-unread-'));
  try {
    expect(await compileCommand({ ...input, backend: 'nftables', out: folder }, memoryIo())).toBe(0);
    const path = join(folder, 'nft');
    const right = readFileSync(path, 'utf8');
    writeFileSync(
      path,
      right.replace(/^(table ip slicewright \{\n)/m, '$1\tcounter theirs {\n\t\tpackets 0 bytes 0\n\t}\n\n'),
    );
    const options = { ...input, backend: 'nftables', against: [folder], output: 'text' } as const;
    const [io, plan] = [memoryIo(), memoryIo()];
    expect(await verifyFoundCommand(options, io, noRun, host)).toBe(0);
    expect(io.written.out).toMatch(/^IPv4, .*: all packets are treated as expected, by rules with different text/);
    expect(await planCommand(options, plan, noRun, host)).toBe(2);
    expect(plan.written.out).toContain('table slicewright');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
