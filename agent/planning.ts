import { assemble } from '../backends/assemble.ts';
import { iptables } from '../backends/iptables/index.ts';
import { ownChains } from '../backends/iptables/own-chains.ts';
import type { Run } from '../backends/command.ts';
import { KernelError } from '../backends/netfilter/errors.ts';
import { findModes, type Modes } from '../backends/netfilter/mode.ts';
import type { Save } from '../backends/netfilter/parse.ts';
import { besideOthers, marker, ownerOf, withMark } from '../backends/netfilter/ownership.ts';
import { planRestores } from '../backends/netfilter/plan.ts';
import type { Ruleset } from '../backends/netfilter/rule.ts';
import type { Compilation } from '../compiler/compile.ts';
import { compile } from '../compiler/index.ts';
import { type Family, families } from '../compiler/values/address.ts';
import type { NodeContext } from '../compiler/ir/node-context.ts';
import type { Diagnostic } from '../compiler/values/diagnostic.ts';
import { isWorrying } from './diagnostics.ts';
import { fileProblem, InputError } from './input-error.ts';
import { type Host, type InputOptions, readInputs } from './inputs.ts';
import type { Io } from './io.ts';
import { clustersOf } from './plan-report/clusters.ts';
import type { Danger } from './plan-report/dangers.ts';
import type { PlannedFamily } from './plan-report/report.ts';
import type { ClusterOf } from './plan-report/sentences.ts';
import type { Dump } from './sources/dump.ts';

/** Names of chains that are ours in a kernel, or in what was saved from one. */
export const ours = withMark(ownChains);

/** What shall be, in both families. */
export interface Wanted {
  readonly compilation: Compilation;
  readonly programs: Readonly<Record<Family, Ruleset>>;
  readonly diagnostics: readonly Diagnostic[];
  readonly clusterOf: ClusterOf;
}

export interface WantedOptions extends InputOptions {
  readonly strict?: boolean;
}

/**
 * Compiles what a plan leads to.
 *
 * host     undefined: not on the node itself
 * throws   InputError for files that cannot be used, and with `strict` for a warning
 */
export async function compileWanted(options: WantedOptions, io: Io, host: Host | undefined): Promise<Wanted> {
  const { input, backend, diagnostics: notes } = await readInputs(options, io.readStdin, host);
  if (backend !== 'iptables') {
    const message = `plans are made for the iptables backend, not for ${backend}`;
    throw new InputError([fileProblem(options.config ?? '--backend', 'no-plans', message)]);
  }
  const compilation = compile(input);
  const made = families.map((family) => assemble(iptables, compilation.services[family], compilation.node[family]));
  const [ipv4, ipv6] = made;
  if (ipv4 === undefined || ipv6 === undefined) throw new Error('a family without a program');
  const diagnostics = [...notes, ...compilation.diagnostics, ...made.flatMap((one) => one.diagnostics)];
  if (options.strict === true && diagnostics.some(isWorrying)) throw new InputError(diagnostics);
  const clusterOf = clustersOf(compilation, input.settings.clusterCidrs);
  return { compilation, programs: { IPv4: ipv4.program, IPv6: ipv6.program }, diagnostics, clusterOf };
}

/**
 * The plan from a dump, as if it were the kernel. Our mark, which says to whom a kernel's chains
 * belong, is wanted only where the dump has it: a dump belongs to nobody.
 */
export function planFromDump({ family, path, save }: Dump, wanted: Wanted): PlannedFamily {
  const beside = besideOthers(wanted.programs[family], save.ruleset, save.foreign);
  const desired = ownerOf(save.ruleset) === 'us' ? beside : withoutMark(beside);
  return planned(path, save, desired, wanted.compilation.node[family], []);
}

/**
 * The plans from what the kernel holds now: of every family that the node or a Service has, and of
 * one that it has no longer while rules of ours are left there.
 *
 * throws   KernelError when a family cannot be read that is needed
 */
export async function planFromKernel(run: Run, wanted: Wanted): Promise<PlannedFamily[]> {
  const plans: PlannedFamily[] = [];
  for (const family of families) {
    const modes = await readModes(run, family, isUsed(wanted, family));
    if (modes === undefined) continue;
    const { save, tools } = modes.chosen;
    if (!isUsed(wanted, family) && save.ruleset.chains.size === 0) continue;
    const desired = besideOthers(wanted.programs[family], save.ruleset, save.foreign);
    const source = `the kernel (${tools.mode})`;
    plans.push(planned(source, save, desired, wanted.compilation.node[family], dangersOf(modes)));
  }
  return plans;
}

function isUsed({ compilation }: Wanted, family: Family): boolean {
  return compilation.services[family].length > 0 || compilation.node[family].addresses.length > 0;
}

/** undefined: this machine has no such family, and nobody asks for it. */
async function readModes(run: Run, family: Family, isNeeded: boolean): Promise<Modes | undefined> {
  try {
    return await findModes(run, family, ours);
  } catch (error) {
    const isAbsent =
      error instanceof KernelError && (error.reason === 'missing-tool' || error.reason === 'unsupported');
    if (isNeeded || !isAbsent) throw error;
    return undefined;
  }
}

function dangersOf({ chosen: { save, tools }, other }: Modes): Danger[] {
  const dangers: Danger[] = [];
  if (ownerOf(save.ruleset) === 'another writer') {
    const message = 'another program, kube-proxy most likely, made the chains that are there: apply needs --take-over';
    dangers.push({ code: 'another-writer', message });
  }
  if (other !== undefined && (other.holds === 'our mark' || other.holds === 'rules of Services')) {
    const message = `${other.tools.mode} tables hold rules of Services as well as ${tools.mode} tables, and packets meet both`;
    dangers.push({ code: 'two-modes', message });
  }
  return dangers;
}

function planned(
  source: string,
  save: Save,
  desired: Ruleset,
  node: NodeContext,
  dangers: readonly Danger[],
): PlannedFamily {
  const { ruleset: observed, foreign } = save;
  const referenced = foreign.references
    .filter(({ table }) => table === 'nat')
    .map(({ line }) => line.split(' ').at(-1) ?? '');
  const steps = planRestores(observed, desired, ours, { referenced });
  return { source, observed, foreign, desired, steps, node, dangers };
}

function withoutMark(ruleset: Ruleset): Ruleset {
  return { ...ruleset, chains: new Map([...ruleset.chains].filter(([, { name }]) => name !== marker)) };
}
