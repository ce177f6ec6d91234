import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileCommand } from '../../agent/commands/compile.ts';
import { verifyFoundCommand } from '../../agent/commands/verify-found.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import { backendNames } from '../../backends/index.ts';
import type { Run } from '../../backends/command.ts';
import { ahead, faults } from './faults.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const input = {
  filename: [`${here}objects.yaml`],
  node: `${here}node.yaml`,
  config: `${here}config.yaml`,
  diagnostics: 'human',
} as const;
const noRun: Run = () => Promise.reject(new Error('a dump needs no command'));

describe.each(backendNames())('verify --against in mode %s', (backend) => {
  const folder = mkdtempSync(join(tmpdir(), 'slicewright-verify-'));
  beforeAll(async () => {
    expect(await compileCommand({ ...input, backend, out: folder }, memoryIo())).toBe(0);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function verify(output: 'text' | 'json' = 'text', services: readonly string[] = []) {
    const io = memoryIo();
    const options = { ...input, backend, against: [folder], output, services } as const;
    return { status: await verifyFoundCommand(options, io, noRun, { name: 'east-1', addresses: [] }), ...io.written };
  }

  it('has nothing to say of what compile wrote', async () => {
    const { status, out } = await verify();
    expect([status, out]).toEqual([
      0,
      expect.stringMatching(/^IPv4, .*: all packets are treated as expected \(\d+ kinds/),
    ]);
  });

  it('has a document for programs', async () => {
    const { status, out } = await verify('json');
    expect([status, JSON.parse(out)]).toEqual([
      0,
      {
        apiVersion: 'slicewright.dev/v1alpha1',
        kind: 'Verification',
        families: expect.arrayContaining([expect.objectContaining({ result: 'equal' })]),
      },
    ]);
  });

  it('tells only of the Services that are chosen, and says so', async () => {
    const [fault] = (faults[backend] ?? []).filter(({ at }) => at.source.includes('idle'));
    if (fault === undefined) throw new Error('no fault of shop/idle');
    const path = join(folder, fault.file);
    const right = readFileSync(path, 'utf8');
    writeFileSync(path, right.replace(fault.find, fault.put));
    try {
      const [idle, cart] = [await verify('text', ['shop/idle']), await verify('text', ['shop/cart'])];
      expect([idle.status, idle.out]).toEqual([3, expect.stringMatching(fault.at)]);
      expect([cart.status, cart.out]).toEqual([
        0,
        expect.stringContaining('of the chosen Services, the others left out'),
      ]);
      expect(cart.out).not.toMatch(/idle|no Service/);
    } finally {
      writeFileSync(path, right);
    }
  });

  it('names a rule of others that may intercept, in text and in the document, and takes it for no difference', async () => {
    const { file: name, find, put, told } = ahead[backend] ?? {};
    if (name === undefined || find === undefined || put === undefined) throw new Error(`no rule ahead in ${backend}`);
    const path = join(folder, name);
    const right = readFileSync(path, 'utf8');
    writeFileSync(path, right.replace(find, put));
    try {
      const [text, json] = [await verify(), await verify('json')];
      expect([text.status, text.out]).toEqual([
        0,
        expect.stringContaining(`another program's rule may intercept: ${told}`),
      ]);
      const { families } = JSON.parse(json.out) as { families: { mayIntercept: unknown }[] };
      expect([json.status, families[0]?.mayIntercept]).toEqual([0, [told]]);
    } finally {
      writeFileSync(path, right);
    }
  });

  it.each(faults[backend] ?? [])('finds it when $what', async ({ file, find, put, at }) => {
    const path = join(folder, file);
    const right = readFileSync(path, 'utf8');
    expect(right).toMatch(find);
    writeFileSync(path, right.replace(find, put));
    try {
      const { status, out } = await verify();
      expect([status, out]).toEqual([3, expect.stringMatching(at)]);
    } finally {
      writeFileSync(path, right);
    }
  });
});
