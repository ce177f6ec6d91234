import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { compileCommand } from '../../agent/commands/compile.ts';
import { verifyFoundCommand } from '../../agent/commands/verify-found.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import type { Run } from '../../backends/command.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const noRun: Run = () => Promise.reject(new Error('a dump needs no command'));
const folder = mkdtempSync(join(tmpdir(), 'slicewright-accounting-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("kube-proxy's two accounting counters, since 1.31, change nothing for any packet", async () => {
  const input = {
    filename: [`${here}objects.yaml`],
    node: `${here}node.yaml`,
    config: `${here}config.yaml`,
    diagnostics: 'human',
    backend: 'iptables',
  } as const;
  expect(await compileCommand({ ...input, out: folder }, memoryIo())).toBe(0);
  const file = join(folder, 'iptables-save');
  const plain = readFileSync(file, 'utf8');
  // As `iptables-save` shows them, with its two blanks.
  const counting = plain
    .replace(/(--ctstate INVALID) (-j DROP)/, '$1 -m nfacct --nfacct-name  ct_state_invalid_dropped_pkts $2')
    .replace(
      /^-A KUBE-NODEPORTS (-p \S+) (.*) (-j KUBE-EXT-\S+)$/gm,
      '-A KUBE-NODEPORTS -d 127.0.0.0/8 $1 $2 -m nfacct --nfacct-name  localhost_nps_accepted_pkts $3\n$&',
    );
  expect(counting.match(/nfacct-name {2}\w+/g)?.length).toBeGreaterThan(1);
  writeFileSync(file, counting);
  const io = memoryIo();
  const options = { ...input, against: [folder], output: 'text' } as const;
  expect(await verifyFoundCommand(options, io, noRun, { name: 'east-1', addresses: [] })).toBe(0);
  expect(io.written.out).toMatch(/^IPv4, .*: all packets are treated as expected/);
});
