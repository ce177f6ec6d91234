import { assemble } from '../backends/assemble.ts';
import { iptables } from '../backends/iptables/index.ts';
import { ownChains } from '../backends/iptables/own-chains.ts';
import { besideOthers, marker, ownerOf, withMark } from '../backends/netfilter/ownership.ts';
import { planRestores } from '../backends/netfilter/plan.ts';
import type { Ruleset } from '../backends/netfilter/rule.ts';
import type { Compilation } from '../compiler/compile.ts';
import { compile } from '../compiler/index.ts';
import { type Family, families } from '../compiler/values/address.ts';
import type { Diagnostic } from '../compiler/values/diagnostic.ts';
import { isWorrying } from './diagnostics.ts';
import { fileProblem, InputError } from './input-error.ts';
import { type Host, type InputOptions, readInputs } from './inputs.ts';
import type { Io } from './io.ts';
import { clustersOf } from './plan-report/clusters.ts';
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
export function planFromDump({ family, path, save }: Dump, { compilation, programs }: Wanted): PlannedFamily {
  const { ruleset: observed, foreign } = save;
  const beside = besideOthers(programs[family], observed, foreign);
  const desired = ownerOf(observed) === 'us' ? beside : withoutMark(beside);
  const referenced = foreign.references
    .filter(({ table }) => table === 'nat')
    .map(({ line }) => line.split(' ').at(-1) ?? '');
  return {
    source: path,
    observed,
    foreign,
    desired,
    steps: planRestores(observed, desired, ours, { referenced }),
    node: compilation.node[family],
  };
}

function withoutMark(ruleset: Ruleset): Ruleset {
  return { ...ruleset, chains: new Map([...ruleset.chains].filter(([, { name }]) => name !== marker)) };
}
