import { assemble, type Maker } from '../backends/assemble.ts';
import type { BackendName } from '../backends/index.ts';
import type { IpvsProgram } from '../backends/ipvs/program.ts';
import type { Ruleset } from '../backends/netfilter/rule.ts';
import type { Compilation } from '../compiler/compile.ts';
import { compile } from '../compiler/index.ts';
import type { Settings } from '../compiler/settings.ts';
import { type Family, families } from '../compiler/values/address.ts';
import type { Diagnostic } from '../compiler/values/diagnostic.ts';
import { unreachable } from '../compiler/values/unreachable.ts';
import { isWorrying } from './diagnostics.ts';
import { InputError } from './input-error.ts';
import { type Host, type InputOptions, readInputs } from './inputs.ts';
import type { Io } from './io.ts';
import { clustersOf } from './plan-report/clusters.ts';
import type { ClusterOf } from './plan-report/sentences.ts';

/** What shall be, in both families. */
interface WantedBy<Name extends BackendName, Program> {
  readonly backend: Name;
  readonly settings: Settings;
  readonly compilation: Compilation;
  readonly programs: Readonly<Record<Family, Program>>;
  readonly diagnostics: readonly Diagnostic[];
  readonly clusterOf: ClusterOf;
}

export type Wanted = WantedBy<'iptables', Ruleset>;
export type WantedIpvs = WantedBy<'ipvs', IpvsProgram>;

export interface WantedOptions extends InputOptions {
  readonly strict?: boolean;
}

/**
 * Compiles what a plan leads to.
 *
 * host     undefined: not on the node itself
 * throws   InputError for files that cannot be used, and with `strict` for a warning
 */
export async function compileWanted(
  options: WantedOptions,
  io: Io,
  host: Host | undefined,
): Promise<Wanted | WantedIpvs> {
  const { input, backend, diagnostics: notes } = await readInputs(options, io.readStdin, host);
  const compilation = compile(input);
  const { settings } = input;
  const clusterOf = clustersOf(compilation, settings.clusterCidrs);
  const compiled = { settings, compilation, clusterOf };
  const wanted = await makePrograms(backend, compiled);
  const diagnostics = [...notes, ...compilation.diagnostics, ...wanted.diagnostics];
  if (options.strict === true && diagnostics.some(isWorrying)) throw new InputError(diagnostics);
  return { ...wanted, diagnostics };
}

/** A backend is loaded when it is used. */
async function makePrograms(
  backend: BackendName,
  compiled: Pick<Wanted, 'settings' | 'compilation' | 'clusterOf'>,
): Promise<Wanted | WantedIpvs> {
  switch (backend) {
    case 'iptables': {
      const { iptables } = await import('../backends/iptables/index.ts');
      return { backend, ...compiled, ...assembleFamilies(iptables, compiled.compilation) };
    }
    case 'ipvs': {
      const { ipvs } = await import('../backends/ipvs/index.ts');
      return { backend, ...compiled, ...assembleFamilies(ipvs, compiled.compilation) };
    }
    default:
      return unreachable(backend);
  }
}

function assembleFamilies<Unit, Program>(maker: Maker<Unit, Program>, { services, node }: Compilation) {
  const [ipv4, ipv6] = families.map((family) => assemble(maker, services[family], node[family]));
  if (ipv4 === undefined || ipv6 === undefined) throw new Error('a family without a program');
  return {
    programs: { IPv4: ipv4.program, IPv6: ipv6.program },
    diagnostics: [...ipv4.diagnostics, ...ipv6.diagnostics],
  };
}

/** Whether the node has addresses of the family or some Service a port. */
export function isUsed({ compilation }: Pick<Wanted, 'compilation'>, family: Family): boolean {
  return compilation.services[family].length > 0 || compilation.node[family].addresses.length > 0;
}
