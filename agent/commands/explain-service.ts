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
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { type ClusterName, compareText, parseClusterName } from '../../compiler/values/names.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { type DiagnosticFormat, diagnosticsText, isWorrying } from '../terminal/diagnostics.ts';
import { whyAbsent } from '../explain/absent.ts';
import { explain, type ExplainedPort } from '../explain/explain.ts';
import { explainDocument } from '../explain/json.ts';
import { explainTable } from '../explain/table.ts';
import { fileProblem, UsageError } from '../input/input-error.ts';
import { type InputOptions, readInputs } from '../input/inputs.ts';
import { type Asked, parseAsked, type SelectionOptions, type Target } from '../input/asked.ts';
import { isTarget, parseSelection } from '../input/selection.ts';
import { askAgent, refuseWithoutFiles } from '../packets/ask-agent.ts';
import { askServicesWith } from '../packets/ask-labels.ts';
import type { DocumentFormat } from '../terminal/document.ts';
import type { Io } from '../terminal/io.ts';
import { reportingFailures } from './failures.ts';

export interface ExplainServiceOptions extends Omit<InputOptions, 'filename'>, SelectionOptions {
  /** Manifests; absent: the agent of this node is asked. */
  readonly filename?: readonly string[];
  /** `127.0.0.1:10249`, the address of the agent's metrics. */
  readonly address: string;
  /** The cluster whose loss is compared with the present state. */
  readonly withoutCluster?: string;
  /** name: print only the Services, one per line. */
  readonly output: 'text' | 'wide' | 'name' | DocumentFormat;
  readonly strict?: boolean;
  readonly diagnostics: DiagnosticFormat;
}

/**
 * `slicewright explain service`: every known endpoint of some Services, its share of new connections, and why.
 *
 * targets   `NAMESPACE/NAME`, or with `:PORT`, a port's name or number; none: what a namespace and a selector choose
 * returns   the exit status: 0 explained, 1 a Service is not served here or nothing could be compiled, 2 usage, or no such cluster
 */
export function explainServiceCommand(
  targets: readonly string[],
  options: ExplainServiceOptions,
  io: Io,
): Promise<number> {
  return reportingFailures(options.diagnostics, io, async () => {
    const { filename } = options;
    const asked = parseAsked(targets, options);
    if (asked.named.length === 0 && asked.namespace === undefined && asked.matches === undefined) {
      throw new UsageError('NAMESPACE/NAME', 'is missing: name a Service, or choose Services with -n or -l');
    }
    if (filename === undefined) {
      refuseWithoutFiles(options);
      const { ports, missing } = await askPorts(options.address, asked);
      await io.err(diagnosticsText(missing, options.diagnostics));
      if (ports.length > 0) await io.out(await shownAs(options, ports));
      return missing.length > 0 ? 1 : 0;
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
    const ports = explain(compilation, parseSelection(targets, options, input), without);
    const absent = absentIn(ports, asked, (target) => whyAbsent(input, target));
    const all = [...diagnostics, ...compilation.diagnostics, ...absent];
    await io.err(diagnosticsText(all, options.diagnostics, placeOf));
    if (options.strict === true && all.some(isWorrying)) return 1;
    if (ports.length > 0) await io.out(await shownAs(options, ports, lost));
    return absent.length > 0 ? 1 : 0;
  });
}

/** What was asked about and is not served: each named Service, or that the choice matches no Service. */
function absentIn(
  ports: readonly ExplainedPort[],
  { named }: Asked,
  why: (target: Target) => string,
): readonly Diagnostic[] {
  const missing = named.filter((target) => !ports.some((port) => isTarget(port, target)));
  if (missing.length > 0 || ports.length > 0 || named.length > 0) {
    return missing.map((target) => fileProblem(targetText(target), 'not-served', why(target)));
  }
  return [fileProblem('the objects', 'not-served', 'no Service that is served on this node was chosen')];
}

function targetText({ service, port }: Target): string {
  return port === undefined ? service : `${service}:${port}`;
}

async function shownAs(
  { output }: ExplainServiceOptions,
  ports: readonly ExplainedPort[],
  without?: string,
): Promise<string> {
  switch (output) {
    case 'text':
    case 'wide':
      return explainTable(ports, { without, wide: output === 'wide' });
    case 'name':
      return [...new Set(ports.map(({ service }) => `${printable(service)}\n`))].join('');
    case 'json':
    case 'yaml':
      return explainDocument(ports, output);
  }
}

/** What the agent of this node knows, and which parts of it are missing. Throws InputError where no agent answers. */
async function askPorts(
  address: string,
  asked: Asked,
): Promise<{ readonly ports: readonly ExplainedPort[]; readonly missing: readonly Diagnostic[] }> {
  const chosen = await chosenAt(address, asked);
  const ports: ExplainedPort[] = [];
  const missing: Diagnostic[] = [];
  for (const target of chosen) {
    const { known } = await askAgent(address, target.service);
    const { targets, endpoints, whyAbsent: why } = known;
    const services = { IPv4: targets.IPv4.services, IPv6: targets.IPv6.services };
    const found = explain({ services, endpoints }, (ir) => isTarget(ir, target));
    ports.push(...found);
    const object = { kind: 'Service', name: targetText(target) };
    if (found.length === 0) missing.push({ severity: 'error', code: 'not-served', object, message: why(target) });
  }
  if (chosen.length === 0) {
    const object = { kind: 'agent', name: address };
    missing.push({ severity: 'error', code: 'not-served', object, message: 'serves no Service that was chosen' });
  }
  return { ports, missing };
}

/** An agent knows which Services it serves, and their labels. */
async function chosenAt(address: string, asked: Asked): Promise<readonly Target[]> {
  const { named, matches } = asked;
  if (named.length > 0 && matches === undefined) return named;
  const keys = await askServicesWith(address, asked);
  const services = new Set(keys.map((key) => key.replace(/@clusterset$/, '')));
  if (named.length > 0) return named.filter(({ service }) => services.has(service));
  return [...services].map((service) => ({ service, port: undefined }));
}

/** Registered clusters by all their names, those whose objects are given, and those that slices name. */
function clustersIn({ clusters, registry = emptyRegistry }: CompileInput, { endpoints }: Compilation): ClusterName[] {
  const given = [...clusters, ...endpoints].flatMap(({ cluster }) => (cluster === undefined ? [] : [cluster]));
  return [...new Set([...namesIn(registry), ...given])].sort(compareText);
}

/** A cluster that is not registered can be lost too. */
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
