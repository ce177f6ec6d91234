import { dump as yamlText } from 'js-yaml';
import type { CompileInput } from '../../compiler/compile.ts';
import { asFields, type Fields } from '../../compiler/model/fields.ts';
import { recognise } from '../../compiler/model/kinds.ts';
import type { Packet } from '../../compiler/semantics/packet.ts';
import { formatPacket } from '../../compiler/semantics/packet-text.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import type { DumpTexts } from '../input/dumps.ts';
import { objectsOf, type OwnedObject } from './reduce.ts';

/** What a case is made of. */
export interface Captured {
  readonly input: CompileInput;
  readonly backend: string;
  /** The documents of `--config` and `--registry` as they were read. */
  readonly configuration: Fields | undefined;
  readonly registry: unknown;
  readonly compat: 'kube-proxy' | undefined;
  readonly packets: readonly Packet[];
  /** Absent: the case is about what the objects mean, not about a node. */
  readonly dump: DumpTexts | undefined;
  /** What the case shows, in Markdown. */
  readonly shows: readonly string[];
}

/** Where the reduced dump lies in a case. */
export const dumpFolder = 'found';
/** The configuration in the form that commands take, written if `settings.yaml` holds more than that. */
const plainConfiguration = 'config/kube-proxy.yaml';

/** File name → contents of a case, as golden/README.md says what each is. */
export function caseFiles(captured: Captured): ReadonlyMap<string, string> {
  const { input, configuration, registry, packets, dump } = captured;
  const objects = objectsOf(input);
  const nodes = objects.filter(isNode);
  const rest = objects.filter((one) => !isNode(one));
  const files = new Map<string, string>([['node.yaml', documentsText(nodes)]]);
  for (const [cluster, own] of Map.groupBy(rest, (one) => one.cluster)) {
    files.set(cluster === undefined ? 'objects.yaml' : `objects.${cluster}.yaml`, documentsText(own));
  }
  if (!files.has('objects.yaml')) files.set('objects.yaml', '');
  const { compat } = captured;
  if (compat !== undefined) files.set('settings.yaml', toYaml({ compat, ...configuration }));
  else if (configuration !== undefined) files.set('settings.yaml', toYaml(configuration));
  // `--config` takes only keys of a KubeProxyConfiguration.
  if (compat !== undefined && configuration !== undefined) files.set(plainConfiguration, toYaml(configuration));
  if (registry !== undefined) files.set('registry.yaml', toYaml(registry));
  files.set('packets.txt', [...new Set(packets.map(formatPacket))].map((line) => `${line}\n`).join(''));
  for (const [name, text] of dump?.texts ?? []) files.set(`${dumpFolder}/${name}`, text);
  files.set('README.md', readmeText(captured, [...files.keys()]));
  return files;
}

function isNode({ cluster, object }: OwnedObject): boolean {
  return cluster === undefined && recognise(object)?.id?.kind === 'Node';
}

function documentsText(objects: readonly OwnedObject[]): string {
  return objects.map(({ object }) => toYaml(withoutHistory(object))).join('---\n');
}

/** Leaves out the record of who wrote an object when: no rule depends on it, and it can be most of the text. */
function withoutHistory(object: Fields): Fields {
  const metadata = asFields(object.metadata);
  if (metadata === undefined) return object;
  const { managedFields: _, ...rest } = metadata;
  const annotations = asFields(rest.annotations);
  if (annotations === undefined) return { ...object, metadata: rest };
  const { 'kubectl.kubernetes.io/last-applied-configuration': __, ...kept } = annotations;
  return { ...object, metadata: { ...rest, annotations: kept } };
}

function toYaml(value: unknown): string {
  return yamlText(value, { lineWidth: -1, noRefs: true });
}

function readmeText({ backend, dump, compat, shows }: Captured, files: readonly string[]): string {
  const clusters = files.flatMap((file) => {
    const name = /^objects\.(.+)\.yaml$/.exec(file)?.[1];
    return name === undefined ? [] : [`--cluster ${name}=${file}`];
  });
  const words = [
    'slicewright',
    dump === undefined ? 'compile' : 'verify',
    '-f objects.yaml --node node.yaml',
    ...configWords(files, compat),
    ...(files.includes('registry.yaml') ? ['--registry registry.yaml'] : []),
    ...clusters,
    `--backend ${backend}`,
    ...(compat === undefined ? [] : [`--compat ${compat}`]),
    ...(dump === undefined ? [] : [`--against ${againstPath(dump)}`]),
  ];
  const lines = [
    ...shows.map((line) => (line === '' ? '' : printable(line, 1000))),
    '',
    'The same again, in this folder:',
    '',
    `    ${words.join(' ')}`,
    '',
    'What slicewright does with these objects is held by `slicewright test`: flows.txt says what they mean.',
  ];
  return `${lines.join('\n')}\n`;
}

function configWords(files: readonly string[], compat: Captured['compat']): string[] {
  const file = compat === undefined ? 'settings.yaml' : plainConfiguration;
  return files.includes(file) ? [`--config ${file}`] : [];
}

function againstPath({ kind, texts }: DumpTexts): string {
  const [name = ''] = texts.keys();
  return kind === 'folder' ? dumpFolder : `${dumpFolder}/${name}`;
}
