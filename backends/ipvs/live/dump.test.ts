import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from '../../assemble.ts';
import { joinFiles } from '../../index.ts';
import { applyProgram } from './apply.ts';
import { createFakeIpvsKernel, type FakeIpvsKernel } from '../fake/kernel.ts';
import { ipvs } from '../index.ts';
import type { Compilation } from '../../../compiler/compile.ts';
import { kubePrefix } from '../../../compiler/settings.ts';
import { families } from '../../../compiler/values/address.ts';
import { formatDiagnostic } from '../../../compiler/values/diagnostic.ts';
import { caseNames, compileCase } from '../../../test/conformance/cases.ts';
import { InputError } from '../../../agent/input/input-error.ts';
import { readDumps } from '../../../agent/input/dumps.ts';
import { targetsOf } from '../../../agent/planning/targets.ts';
import { modeOf, scopeFor } from '../../../test/helpers/scope.ts';

const { live } = modeOf('ipvs');
const options = { before: undefined, isToBeApplied: false };

const root = mkdtempSync(join(tmpdir(), 'slicewright-dump-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
function folderOf(files: ReadonlyMap<string, string>): string {
  const folder = join(root, String(folders++));
  mkdirSync(folder);
  for (const [name, text] of files) writeFileSync(join(folder, name), text);
  return folder;
}

/** What `compile --out` writes. */
function compiled(compilation: Compilation): ReadonlyMap<string, string> {
  const printed = families.map((family) => {
    const { services, node } = compilation;
    const { program } = assemble(ipvs, services[family], node[family]);
    return { text: () => '', rulesOf: () => '', files: () => ipvs.files(program, node[family]), diagnostics: [] };
  });
  return joinFiles(printed);
}

/** What an operator collects from a node, with the commands of docs/commands.md. */
async function collected(kernel: FakeIpvsKernel): Promise<ReadonlyMap<string, string>> {
  const out = async (file: string, ...args: string[]) => (await kernel.run(file, args)).stdout;
  const sysctls = [...kernel.sysctls.keys()];
  return new Map([
    ['ipvsadm-save', await out('ipvsadm', '--save', '-n')],
    ['ipset-save', await out('ipset', 'save')],
    ['ipvs.iptables-save', await out('iptables-save')],
    ['kube-ipvs0-addrs', await out('ip', '-o', 'address', 'show', 'dev', 'kube-ipvs0')],
    ['ipvs.sysctls', await out('sysctl', '-e', ...sysctls)],
  ]);
}

const used = caseNames.filter((name) => compileCase(name, 'none', 'ipvs').services.IPv4.length > 0);

describe('a folder that compile wrote', () => {
  it.each(used)('%s: is where its own program leads', (name) => {
    const compilation = compileCase(name, 'none', 'ipvs');
    const targets = targetsOf(compilation);
    for (const dump of readDumps(folderOf(compiled(compilation)), live, kubePrefix)) {
      expect(dump.plan(targets[dump.family], options).steps()).toEqual([]);
    }
  });
});

describe('what the tools showed on a node', () => {
  const pairs = used.slice(1).map((name, i) => [used[i] ?? '', name] as const);
  it.each(pairs.filter((_, i) => i % 5 === 0))('%s to %s: is planned from as the node itself', async (from, to) => {
    const kernel = createFakeIpvsKernel();
    const first = compileCase(from, 'none', 'ipvs');
    const next = compileCase(to, 'none', 'ipvs');
    const { program } = assemble(ipvs, first.services.IPv4, first.node.IPv4);
    await applyProgram(kernel.run, scopeFor('IPv4'), { program, services: first.services.IPv4 });
    const [dump] = readDumps(folderOf(await collected(kernel)), live, kubePrefix);
    const there = await live.observe(kernel.run, scopeFor('IPv4'), true);
    if (dump === undefined || there === undefined) throw new Error('nothing of IPv4');
    const wanted = targetsOf(next).IPv4;
    const steps = there.plan(wanted, options).steps();
    expect(steps.length).toBeGreaterThan(0);
    expect(dump.plan(wanted, options).steps()).toEqual(steps);
    expect(dump.plan(targetsOf(first).IPv4, options).steps()).toEqual([]);
  });

  it('is only part of it: that is said, and nothing is concluded', async () => {
    const compilation = compileCase(used[0] ?? '', 'none', 'ipvs');
    const saidOf = (change: (files: Map<string, string>) => void): string[] => {
      const files = new Map(compiled(compilation));
      change(files);
      try {
        readDumps(folderOf(files), live, kubePrefix);
        return [];
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        return error.diagnostics.map((one) => formatDiagnostic(one).replaceAll(root, 'ROOT'));
      }
    };
    for (const name of ['ipset-save', 'ipvsadm-save', 'ipvs.iptables-save', 'kube-ipvs0-addrs', 'ipvs.sysctls']) {
      expect(saidOf((files) => void files.delete(name))).toEqual([
        expect.stringMatching(new RegExp(`^error: file ROOT/\\d+/${name}: is missing: .* cannot be known without it$`)),
      ]);
    }
    const cut = (text: string | undefined) => text?.slice(0, text.lastIndexOf('COMMIT')) ?? '';
    expect(saidOf((files) => void files.set('ipvs.iptables-save', cut(files.get('ipvs.iptables-save'))))).toEqual([
      expect.stringContaining('ipvs.iptables-save: is not what iptables-save prints, or cut short'),
    ]);
  });

  it('is a file: that cannot be all of it', () => {
    const file = join(folderOf(new Map([['x', '']])), 'x');
    expect(() => readDumps(file, live, kubePrefix)).toThrow('is not a folder');
  });
});
