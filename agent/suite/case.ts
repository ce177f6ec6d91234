import { parseConfiguration } from '../config/config.ts';
import { registryOf } from '../config/registry-watch.ts';
import { parseDocuments } from '../input/documents.ts';
import { fileProblem, InputError } from '../input/input-error.ts';
import type { ClusterObjects, CompileInput } from '../../compiler/compile.ts';
import { asFields } from '../../compiler/model/fields.ts';
import type { Registry } from '../../compiler/registry/registry.ts';
import type { Packet } from '../../compiler/semantics/packet.ts';
import { parsePacket } from '../../compiler/semantics/packet-text.ts';
import type { Settings } from '../../compiler/settings.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { parseClusterName } from '../../compiler/values/names.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import type { SuiteFolder } from './folder.ts';

/**
 * The names of input files: a step's number, none for the first step, and the kind of input.
 * `objects.<cluster>.yaml`: another cluster's own objects.
 */
const inputFile =
  /^(?:([2-9]|[1-9][0-9]+)-)?(objects(?:\.[a-z0-9.-]+)?\.yaml|node\.yaml|settings\.yaml|registry\.yaml|packets\.txt)$/;

/** The inputs of one step, and the packets that are sent then. */
export interface GoldenState {
  readonly input: CompileInput;
  readonly packets: readonly Packet[];
  /** Diagnostics about the settings. */
  readonly remarks: readonly Diagnostic[];
}

export interface GoldenCase extends GoldenState {
  /** The later steps, one change after another: the files `2-…`, `3-…`. */
  readonly changes: readonly GoldenState[];
}

/** Whether a file of a case is an input. */
export function isInput(file: string): boolean {
  return inputFile.test(file);
}

/** Whether a folder with these files is a case. */
export function isCase(files: readonly string[]): boolean {
  return files.some((file) => /^(node|objects(\..+)?)\.yaml$/.test(file));
}

/**
 * Reads the inputs of a case.
 *
 * throws   InputError when a file is missing or has wrong content: the case is wrong then
 */
export function readCase(folder: SuiteFolder): GoldenCase {
  const [first = new Map<string, string>(), ...rest] = stepsOf(folder);
  const read = (files: ReadonlyMap<string, string>) => readState(folder, files);
  return { ...read(first), changes: rest.map(read) };
}

/** For each step: a file's name without the number → its name. A file counts until a later step has one of the same name. */
function stepsOf(folder: SuiteFolder): ReadonlyMap<string, string>[] {
  const found = folder.files.flatMap((file) => {
    const [, number = '1', called] = inputFile.exec(file) ?? [];
    return called === undefined ? [] : [{ step: Number(number), called, file }];
  });
  const steps: ReadonlyMap<string, string>[] = [];
  for (const [step, files] of [...Map.groupBy(found, (file) => file.step)].sort(([a], [b]) => a - b)) {
    const expected = steps.length + 1;
    if (step !== expected) {
      throw problem(String(files[0]?.file), `belongs to step ${step}, but step ${expected} has no file`);
    }
    steps.push(new Map([...(steps.at(-1) ?? []), ...files.map(({ called, file }) => [called, file] as const)]));
  }
  return steps;
}

function readState(folder: SuiteFolder, files: ReadonlyMap<string, string>): GoldenState {
  const nodeFile = files.get('node.yaml');
  if (nodeFile === undefined) throw problem('node.yaml', 'is missing: the Node to compile the case for');
  const [node] = documentsIn(folder, nodeFile);
  const { remarks, ...settings } = readSettings(folder, files.get('settings.yaml'));
  return {
    input: {
      clusters: [
        ...[...files].flatMap((file) => clusterOf(folder, file)),
        { cluster: undefined, objects: node === undefined ? [] : [node] },
      ],
      ...settings,
      ...readRegistry(folder, files.get('registry.yaml')),
      localAddresses: undefined,
    },
    packets: readPackets(folder, files.get('packets.txt')),
    remarks,
  };
}

function clusterOf(folder: SuiteFolder, [called, file]: readonly [string, string]): ClusterObjects[] {
  const match = /^objects(?:\.(.+))?\.yaml$/.exec(called);
  if (match === null) return [];
  const cluster = match[1] === undefined ? undefined : parseClusterName(match[1]);
  if (match[1] !== undefined && cluster === undefined) throw problem(file, `"${match[1]}" is not a cluster name`);
  return [{ cluster, objects: documentsIn(folder, file) }];
}

/** Read as commands read them, with the file's name within the case in messages. */
function documentsIn(folder: SuiteFolder, file: string): readonly unknown[] {
  const problems: Diagnostic[] = [];
  const documents = parseDocuments(folder.read(file), file, problems);
  if (problems.length > 0) throw new InputError(problems);
  return documents;
}

function onlyDocumentIn(folder: SuiteFolder, file: string): unknown {
  const [document, ...others] = documentsIn(folder, file);
  if (document !== undefined && others.length === 0) return document;
  throw problem(file, `holds ${others.length === 0 ? 'no document' : `${others.length + 1} documents`}; expected one`);
}

/** Keys of a KubeProxyConfiguration, and two of slicewright: `compat` and `ownCluster`. */
function readSettings(
  folder: SuiteFolder,
  file: string | undefined,
): { readonly settings: Settings; readonly nodeName: string | undefined; readonly remarks: readonly Diagnostic[] } {
  const given = file === undefined ? {} : asFields(onlyDocumentIn(folder, file));
  if (given === undefined) throw problem(String(file), 'is not a mapping of KubeProxyConfiguration keys');
  const { compat = 'none', ownCluster, ...kubeProxy } = given;
  if (compat !== 'none' && compat !== 'kube-proxy') throw problem(String(file), 'compat must be none or kube-proxy');
  const own = ownCluster === undefined ? undefined : parseClusterName(ownCluster);
  if (own === undefined && ownCluster !== undefined) throw problem(String(file), 'ownCluster is not a cluster name');
  const document = { apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration', ...kubeProxy };
  const { settings, nodeName, diagnostics } = parseConfiguration(document, String(file), {
    compat,
    backend: undefined,
  });
  return { settings: { ...settings, ownCluster: own }, nodeName, remarks: diagnostics };
}

/** Whatever `--registry` reads. */
function readRegistry(folder: SuiteFolder, file: string | undefined): { readonly registry?: Registry } {
  return file === undefined ? {} : { registry: registryOf(onlyDocumentIn(folder, file), file) };
}

/** One packet per line; empty lines and lines that begin with # are comments. */
function readPackets(folder: SuiteFolder, file: string | undefined): Packet[] {
  if (file === undefined) return [];
  const lines = new TextDecoder().decode(folder.read(file)).split('\n');
  return lines.flatMap((line, i) => {
    if (line.trim() === '' || line.startsWith('#')) return [];
    const packet = parsePacket(line.trimEnd());
    if (packet === undefined) throw problem(file, `line ${i + 1}: ${printable(line, 200)} is not a packet`);
    return [packet];
  });
}

function problem(file: string, message: string): InputError {
  return new InputError([fileProblem(file, 'bad-case', message)]);
}
