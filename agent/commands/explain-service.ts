import type { Compilation, CompileInput } from '../../compiler/compile.ts';
import { compile } from '../../compiler/index.ts';
import { strangerText } from '../../compiler/policy/parse.ts';
import {
  emptyRegistry,
  namesIn,
  type RegisteredCluster,
  type Registry,
  sortClusters,
} from '../../compiler/registry/registry.ts';
import { type ClusterName, compareText, parseClusterName } from '../../compiler/values/names.ts';
import { type DiagnosticFormat, diagnosticsText, isWorrying } from '../terminal/diagnostics.ts';
import { whyAbsent } from '../explain/absent.ts';
import { explain, type ExplainedPort } from '../explain/explain.ts';
import { explainDocument } from '../explain/json.ts';
import { explainTable } from '../explain/table.ts';
import { fileProblem, InputError } from '../input/input-error.ts';
import { type InputOptions, readInputs } from '../input/inputs.ts';
import { parseTarget, type Target } from '../input/selection.ts';
import { askAgent, refuseWithoutFiles } from '../packets/ask-agent.ts';
import type { DocumentFormat } from '../terminal/document.ts';
import type { Io } from '../terminal/io.ts';
import { reportingFailures } from './failures.ts';

export interface ExplainServiceOptions extends Omit<InputOptions, 'filename'> {
  /** Manifests; absent: the agent of this node is asked. */
  readonly filename?: readonly string[];
  /** `127.0.0.1:10249`, the address of the agent's metrics. */
  readonly address: string;
  /** A cluster whose loss is compared with. */
  readonly withoutCluster?: string;
  readonly output: 'text' | DocumentFormat;
  readonly strict?: boolean;
  readonly diagnostics: DiagnosticFormat;
}

/**
 * `slicewright explain service`: every endpoint that is known for a Service, what it gets of new connections, and why.
 *
 * target    `NAMESPACE/NAME`, or with `:PORT`, a port's name or number
 * returns   the exit status: 0 told, 1 not served here or nothing could be compiled, 2 no such cluster; undefined: that
 *            is no Service
 */
export async function explainServiceCommand(
  target: string,
  options: ExplainServiceOptions,
  io: Io,
): Promise<number | undefined> {
  const selection = parseTarget(target);
  if (selection === undefined) return undefined;
  return reportingFailures(options.diagnostics, io, async () => {
    const { filename, output } = options;
    if (filename === undefined) {
      refuseWithoutFiles(options);
      const told = await askPorts(options.address, selection);
      await io.out(output === 'text' ? explainTable(told) : await explainDocument(told, output));
      return 0;
    }
    const { input, diagnostics, placeOf } = await readInputs({ ...options, filename }, io.readStdin);
    const compilation = compile(input);
    const known = clustersIn(input, compilation);
    const lost = parseClusterName(options.withoutCluster);
    if (options.withoutCluster !== undefined && (lost === undefined || !known.includes(lost))) {
      await io.err(`error: --without-cluster: ${strangerText(options.withoutCluster, () => known)}\n`);
      return 2;
    }
    const without = lost && compile({ ...input, registry: withLost(input.registry ?? emptyRegistry, lost) });
    const all = [...diagnostics, ...compilation.diagnostics];
    const ports = explain(compilation, selection, without);
    if (ports.length === 0) all.push(fileProblem(target, 'not-served', whyAbsent(input, selection)));
    await io.err(diagnosticsText(all, options.diagnostics, placeOf));
    if (ports.length === 0 || (options.strict === true && all.some(isWorrying))) return 1;
    await io.out(output === 'text' ? explainTable(ports, lost) : await explainDocument(ports, output));
    return 0;
  });
}

/** What the agent of this node knows. Throws InputError where it serves no such Service. */
async function askPorts(address: string, selection: Target): Promise<readonly ExplainedPort[]> {
  const { known } = await askAgent(address, selection.service);
  const { targets, endpoints, whyAbsent: why } = known;
  const services = { IPv4: targets.IPv4.services, IPv6: targets.IPv6.services };
  const ports = explain({ services, endpoints }, selection);
  if (ports.length > 0) return ports;
  const object = { kind: 'Service', name: selection.service };
  throw new InputError([{ severity: 'error', code: 'not-served', object, message: why(selection) }]);
}

/** Registered clusters by all their names, those whose objects are given, and those that slices name. */
function clustersIn({ clusters, registry = emptyRegistry }: CompileInput, { endpoints }: Compilation): ClusterName[] {
  const given = [...clusters, ...endpoints].flatMap(({ cluster }) => (cluster === undefined ? [] : [cluster]));
  return [...new Set([...namesIn(registry), ...given])].sort(compareText);
}

/** A cluster that nobody registered can be lost too. */
function withLost(registry: Registry, lost: ClusterName): Registry {
  const isMeant = ({ id, aliases }: RegisteredCluster): boolean => id === lost || aliases.includes(lost);
  const known = registry.clusters.some(isMeant);
  const clusters = registry.clusters.map((cluster) =>
    isMeant(cluster) ? { ...cluster, state: 'Lost' as const } : cluster,
  );
  return { ...registry, clusters: known ? clusters : sortClusters([...clusters, unregistered(lost)]) };
}

function unregistered(id: ClusterName): RegisteredCluster {
  return {
    id,
    aliases: [],
    self: false,
    podCidrs: [],
    serviceCidrs: [],
    nodeCidrs: [],
    zones: new Map(),
    region: undefined,
    tier: 0,
    weight: 100,
    drain: false,
    removed: false,
    state: 'Lost',
    onLost: undefined,
    mayServe: [],
  };
}
