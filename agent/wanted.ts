import { assemble } from '../backends/assemble.ts';
import { iptables } from '../backends/iptables/index.ts';
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
import type { ClusterOf } from './plan-report/sentences.ts';

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

/** Whether the node has addresses of the family or some Service a port. */
export function isUsed({ compilation }: Wanted, family: Family): boolean {
  return compilation.services[family].length > 0 || compilation.node[family].addresses.length > 0;
}
