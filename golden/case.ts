import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { load, loadAll } from 'js-yaml';
import { parseConfiguration } from '../agent/config/config.ts';
import { parseRegistry } from '../agent/registry.ts';
import type { ClusterObjects, CompileInput } from '../compiler/compile.ts';
import type { Registry } from '../compiler/registry/registry.ts';
import type { Packet } from '../compiler/semantics/packet.ts';
import { parsePacket } from '../compiler/semantics/packet-text.ts';
import type { Settings } from '../compiler/settings.ts';
import { compareText, parseClusterName } from '../compiler/values/names.ts';

const root = fileURLToPath(new URL('.', import.meta.url));

/** Every folder beside this file, sorted. */
export const caseNames: readonly string[] = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort(compareText);

/** What is written by people, as against what the runner writes. `objects.<cluster>.yaml`: another cluster's own objects. */
const inputFile = /^(README\.md|objects(\.[a-z0-9.-]+)?\.yaml|node\.yaml|settings\.yaml|registry\.yaml|packets\.txt)$/;

export interface GoldenCase {
  readonly folder: string;
  readonly input: CompileInput;
  readonly packets: readonly Packet[];
}

/**
 * Reads the inputs of a case.
 *
 * throws   when a file is missing or holds what is not what it should be: the case is wrong then
 */
export function readCase(name: string): GoldenCase {
  const folder = `${root}${name}`;
  const clusters = readdirSync(folder)
    .sort(compareText)
    .flatMap((file) => clusterOf(folder, file));
  const node = load(readFileSync(`${folder}/node.yaml`, 'utf8'));
  return {
    folder,
    input: {
      clusters: [...clusters, { cluster: undefined, objects: [node] }],
      ...readSettings(`${folder}/settings.yaml`),
      ...readRegistry(`${folder}/registry.yaml`),
      localAddresses: undefined,
    },
    packets: readPackets(`${folder}/packets.txt`),
  };
}

/** The files of a case that are expectations, as they lie there. */
export function expectationFiles({ folder }: GoldenCase): string[] {
  return readdirSync(folder)
    .filter((file) => !inputFile.test(file))
    .sort(compareText);
}

function clusterOf(folder: string, file: string): ClusterObjects[] {
  const match = /^objects(?:\.(.+))?\.yaml$/.exec(file);
  if (match === null) return [];
  const cluster = match[1] === undefined ? undefined : parseClusterName(match[1]);
  if (match[1] !== undefined && cluster === undefined) throw new Error(`${file}: "${match[1]}" is no cluster name`);
  return [{ cluster, objects: loadAll(readFileSync(`${folder}/${file}`, 'utf8')) }];
}

/** Keys of a KubeProxyConfiguration, and two of our own: `compat` and `ownCluster`. */
function readSettings(file: string): { readonly settings: Settings; readonly nodeName: string | undefined } {
  const given = existsSync(file) ? (load(readFileSync(file, 'utf8')) as Readonly<Record<string, unknown>>) : {};
  const { compat = 'none', ownCluster, ...kubeProxy } = given;
  if (compat !== 'none' && compat !== 'kube-proxy') throw new Error(`${file}: compat is none or kube-proxy`);
  const document = { apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration', ...kubeProxy };
  const { settings, nodeName, diagnostics } = parseConfiguration(document, file, { compat, backend: undefined });
  if (diagnostics.length > 0) throw new Error(`${file}: ${JSON.stringify(diagnostics)}`);
  return { settings: { ...settings, ownCluster: parseClusterName(ownCluster) }, nodeName };
}

/** Whatever `--registry` reads. */
function readRegistry(file: string): { readonly registry?: Registry } {
  return existsSync(file) ? { registry: parseRegistry(load(readFileSync(file, 'utf8')), file) } : {};
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
