import type { ClusterObjects, CompileInput } from '../../compiler/compile.ts';
import { viewOf } from '../../compiler/cluster-view.ts';
import { recognise } from '../../compiler/model/kinds.ts';
import { expandLists } from '../../compiler/model/lists.ts';
import type { Registry } from '../../compiler/registry/registry.ts';
import type { Compat } from '../../compiler/settings.ts';
import type { IpAddress } from '../../compiler/values/address.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { type ClusterName, parseClusterName } from '../../compiler/values/names.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { type Configuration, defaultConfiguration, parseConfiguration } from '../config/config.ts';
import { podsUnknown } from '../config/pods-unknown.ts';
import { fileProblem, InputError, UsageError, withPlaces } from './input-error.ts';
import { type ProxyOptions, proxyIdentity } from './proxy-identity.ts';
import { type ReadStdin, readObjects } from './files.ts';
import { nowhere, type PlaceOf } from './place.ts';
import { eitherPlace, placesOf, placesOfDocument } from './places.ts';

/** The options that say what is compiled, and for which node. Shared by every command that compiles. */
export interface InputOptions extends ProxyOptions {
  readonly filename: readonly string[];
  readonly node?: string;
  readonly config?: string;
  readonly backend?: string;
  readonly compat?: 'kube-proxy';
  /** `NAME=PATH`, another cluster's own objects each. */
  readonly cluster?: readonly string[];
  /** A ClusterRegistry file. */
  readonly registry?: string;
}

/** What the host knows about itself, if the command runs on the node that it compiles for. */
export interface Host {
  readonly name: string;
  readonly addresses: readonly IpAddress[];
}

export interface Inputs {
  /** No object was read at all, except the Node of `--node`: a command before a pipe failed, or the folder is the wrong one. */
  readonly isEmpty: boolean;
  readonly input: CompileInput;
  readonly backend: string;
  readonly diagnostics: readonly Diagnostic[];
  /** Finds objects, and the configuration's keys, in files. */
  readonly placeOf: PlaceOf;
}

/**
 * Reads everything that a compilation starts from.
 *
 * host     undefined: compile away from the node
 * throws   InputError for files that cannot be used
 */
export async function readInputs(options: InputOptions, readStdin: ReadStdin, host?: Host): Promise<Inputs> {
  const otherPaths = (options.cluster ?? []).map(parseClusterOption);
  const paths = [
    ...options.filename,
    ...otherPaths.map(({ path }) => path),
    options.node,
    options.config,
    options.registry,
  ];
  if (paths.filter((path) => path === '-').length > 1) {
    throw new UsageError('-', 'standard input can be read only once', 'stdin-twice');
  }
  const { configuration, placeOf: placeInConfiguration } = await readConfiguration(options, readStdin);
  const nodes = options.node === undefined ? [] : await readObjects([options.node], readStdin);
  const objects = await readObjects(options.filename, readStdin);
  const others = await readClusters(otherPaths, readStdin);
  const clusters = [{ cluster: undefined, objects: [...objects, ...nodes] }, ...others];
  const registryFile = options.registry === undefined ? undefined : await readRegistry(options.registry, readStdin);
  const context = {
    settings: { ...configuration.settings, ...proxyIdentity(options) },
    ...(registryFile === undefined ? {} : { registry: registryFile.registry }),
  };
  return {
    isEmpty: [objects, ...others.map((one) => one.objects)].every(
      (all) => expandLists(all, undefined, []).length === 0,
    ),
    input: {
      clusters,
      ...context,
      nodeName: chooseNodeName(configuration.nodeName, nodes, options.node) ?? nameOfHost(host, objects),
      localAddresses: host?.addresses,
    },
    backend: configuration.backend,
    placeOf: eitherPlace(
      placesOf(clusters, (cluster) => viewOf(cluster, context)),
      placeInConfiguration,
      registryFile?.placeOf ?? nowhere,
    ),
    // Without a file there is no statement about this node.
    diagnostics: [
      ...configuration.diagnostics,
      ...(options.config === undefined ? [] : podsUnknown(configuration.settings, options.config)),
    ],
  };
}

interface ClusterPath {
  readonly cluster: ClusterName;
  readonly path: string;
}

/** `--cluster NAME=PATH`. Throws UsageError. */
export function parseClusterOption(text: string): ClusterPath {
  const at = text.indexOf('=');
  const cluster = parseClusterName(text.slice(0, Math.max(at, 0)));
  const path = text.slice(at + 1);
  if (cluster !== undefined && path !== '') return { cluster, path };
  const message = 'is not NAME=PATH with the id of a cluster (DNS-1123 name, and not local) and where its objects are';
  throw new UsageError(`--cluster ${text}`, message, 'bad-cluster');
}

async function readClusters(paths: readonly ClusterPath[], readStdin: ReadStdin): Promise<ClusterObjects[]> {
  const clusters: ClusterObjects[] = [];
  for (const { cluster, path } of paths) clusters.push({ cluster, objects: await readObjects([path], readStdin) });
  return clusters;
}

/** Only commands that get a registry load its schema. */
async function readRegistry(
  path: string,
  readStdin: ReadStdin,
): Promise<{ readonly registry: Registry; readonly placeOf: PlaceOf }> {
  const { readRegistryFile } = await import('../config/registry-watch.ts');
  return readRegistryFile(path, readStdin);
}

async function readConfiguration(
  options: InputOptions,
  readStdin: ReadStdin,
): Promise<{ readonly configuration: Configuration; readonly placeOf: PlaceOf }> {
  const compat: Compat = options.compat ?? 'none';
  const choices = { compat, backend: options.backend };
  if (options.config === undefined) return { configuration: defaultConfiguration(choices), placeOf: nowhere };
  const [document, ...others] = await readObjects([options.config], readStdin);
  if (document === undefined || others.length > 0) {
    const message = `holds ${others.length === 0 ? 'no document' : `${others.length + 1} documents`}; expected one KubeProxyConfiguration`;
    throw new InputError([fileProblem(options.config, 'bad-configuration', message)]);
  }
  const file = options.config;
  const placeOf = placesOfDocument('KubeProxyConfiguration', file, document);
  return { configuration: withPlaces(placeOf, () => parseConfiguration(document, file, choices)), placeOf };
}

/** The configuration names the node; otherwise a --node file with one Node does; otherwise the compiler looks for one. */
function chooseNodeName(
  configured: string | undefined,
  objects: readonly unknown[],
  path: string | undefined,
): string | undefined {
  if (path === undefined) return configured;
  const names = nodeNames(objects);
  if (names.length === 0) throw new InputError([fileProblem(path, 'no-node', 'holds no Node object')]);
  if (configured === undefined) return names.length === 1 ? names[0] : undefined;
  if (names.includes(configured)) return configured;
  const message = `has the Node ${names.map((name) => printable(name)).join(', ')}, but hostnameOverride is ${configured}`;
  throw new InputError([fileProblem(path, 'other-node', message)]);
}

/** On the node itself its host name is used, unless the objects hold exactly one Node, and that has another name. */
function nameOfHost(host: Host | undefined, objects: readonly unknown[]): string | undefined {
  if (host === undefined) return undefined;
  const names = nodeNames(objects);
  return names.length === 1 && names[0] !== host.name ? undefined : host.name;
}

/** Names of the Nodes among objects, as the compiler will read them. */
export function nodeNames(objects: readonly unknown[]): string[] {
  return expandLists(objects, undefined, []).flatMap((object) => {
    const id = recognise(object)?.id;
    return id?.kind === 'Node' ? [id.name] : [];
  });
}
