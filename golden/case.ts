import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { load } from 'js-yaml';
import { parseConfiguration } from '../agent/config/config.ts';
import { parseDocuments } from '../agent/input/documents.ts';
import { parseRegistry } from '../agent/input/registry.ts';
import type { ClusterObjects, CompileInput } from '../compiler/compile.ts';
import type { Registry } from '../compiler/registry/registry.ts';
import type { Packet } from '../compiler/semantics/packet.ts';
import { parsePacket } from '../compiler/semantics/packet-text.ts';
import type { Settings } from '../compiler/settings.ts';
import type { Diagnostic } from '../compiler/values/diagnostic.ts';
import { compareText, parseClusterName } from '../compiler/values/names.ts';

const root = fileURLToPath(new URL('.', import.meta.url));

/** Every folder beside this file, sorted. */
export const caseNames: readonly string[] = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort(compareText);

/**
 * What is written by people, as against what the runner writes: a step's number, none for the first, and what the file is.
 * `objects.<cluster>.yaml`: another cluster's own objects.
 */
const inputFile =
  /^(?:([2-9]|[1-9][0-9]+)-)?(objects(?:\.[a-z0-9.-]+)?\.yaml|node\.yaml|settings\.yaml|registry\.yaml|packets\.txt)$/;

/** What is known at one time, and what is sent then. */
export interface GoldenState {
  readonly input: CompileInput;
  readonly packets: readonly Packet[];
}

export interface GoldenCase extends GoldenState {
  readonly folder: string;
  /** What comes after it, one change after another: the files `2-…`, `3-…`. */
  readonly changes: readonly GoldenState[];
}

/**
 * Reads the inputs of a case.
 *
 * throws   when a file is missing or holds what is not what it should be: the case is wrong then
 */
export function readCase(name: string): GoldenCase {
  const folder = `${root}${name}`;
  const [first = new Map<string, string>(), ...rest] = stepsOf(folder);
  const read = (files: ReadonlyMap<string, string>) => readState(folder, files);
  return { folder, ...read(first), changes: rest.map(read) };
}

/** Of each step, what a file is called without a number → its path. A file stands until a later step has one of its name. */
function stepsOf(folder: string): ReadonlyMap<string, string>[] {
  const found = readdirSync(folder)
    .sort(compareText)
    .flatMap((file) => {
      const [, number = '1', called] = inputFile.exec(file) ?? [];
      return called === undefined ? [] : [{ step: Number(number), called, path: `${folder}/${file}` }];
    });
  const steps: ReadonlyMap<string, string>[] = [];
  for (const [step, files] of [...Map.groupBy(found, (file) => file.step)].sort(([a], [b]) => a - b)) {
    const expected = steps.length + 1;
    if (step !== expected) throw new Error(`${folder}: step ${expected} is missing before step ${step}`);
    steps.push(new Map([...(steps.at(-1) ?? []), ...files.map(({ called, path }) => [called, path] as const)]));
  }
  return steps;
}

function readState(folder: string, files: ReadonlyMap<string, string>): GoldenState {
  const needed = (called: string): string => {
    const path = files.get(called);
    if (path === undefined) throw new Error(`${folder}: ${called} is missing`);
    return path;
  };
  const [node] = documentsIn(needed('node.yaml'));
  return {
    input: {
      clusters: [...[...files].flatMap(clusterOf), { cluster: undefined, objects: [node] }],
      ...readSettings(files.get('settings.yaml')),
      ...readRegistry(files.get('registry.yaml')),
      localAddresses: undefined,
    },
    packets: readPackets(needed('packets.txt')),
  };
}

/** The files of a case that are expectations, as they lie there. */
export function expectationFiles({ folder }: GoldenCase): string[] {
  return readdirSync(folder)
    .filter((file) => file !== 'README.md' && !inputFile.test(file))
    .sort(compareText);
}

function clusterOf([called, path]: readonly [string, string]): ClusterObjects[] {
  const match = /^objects(?:\.(.+))?\.yaml$/.exec(called);
  if (match === null) return [];
  const cluster = match[1] === undefined ? undefined : parseClusterName(match[1]);
  if (match[1] !== undefined && cluster === undefined) throw new Error(`${path}: "${match[1]}" is no cluster name`);
  return [{ cluster, objects: documentsIn(path) }];
}

/** As commands read them, under the name that is theirs within the case. */
function documentsIn(path: string): readonly unknown[] {
  const problems: Diagnostic[] = [];
  const documents = parseDocuments(readFileSync(path), path.slice(path.lastIndexOf('/') + 1), problems);
  if (problems.length > 0) throw new Error(`${path}: ${JSON.stringify(problems)}`);
  return documents;
}

/** Keys of a KubeProxyConfiguration, and two of our own: `compat` and `ownCluster`. */
function readSettings(file: string | undefined): {
  readonly settings: Settings;
  readonly nodeName: string | undefined;
} {
  const given = file === undefined ? {} : (load(readFileSync(file, 'utf8')) as Readonly<Record<string, unknown>>);
  const { compat = 'none', ownCluster, ...kubeProxy } = given;
  if (compat !== 'none' && compat !== 'kube-proxy') throw new Error(`${file}: compat is none or kube-proxy`);
  const document = { apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration', ...kubeProxy };
  const { settings, nodeName, diagnostics } = parseConfiguration(document, String(file), {
    compat,
    backend: undefined,
  });
  if (diagnostics.length > 0) throw new Error(`${file}: ${JSON.stringify(diagnostics)}`);
  return { settings: { ...settings, ownCluster: parseClusterName(ownCluster) }, nodeName };
}

/** Whatever `--registry` reads. */
function readRegistry(file: string | undefined): { readonly registry?: Registry } {
  return file === undefined ? {} : { registry: parseRegistry(load(readFileSync(file, 'utf8')), file) };
}

/** A packet a line; empty lines and lines that begin with # are for people. */
function readPackets(file: string): Packet[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => {
      const packet = parsePacket(line);
      if (packet === undefined) throw new Error(`${file}: ${line} is not a packet`);
      return packet;
    });
}
