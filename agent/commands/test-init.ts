import { existsSync, readdirSync } from 'node:fs';
import { dump } from 'js-yaml';
import { asFields, type Fields } from '../../compiler/model/fields.ts';
import { recognise } from '../../compiler/model/kinds.ts';
import { expandLists } from '../../compiler/model/lists.ts';
import { compareText } from '../../compiler/values/names.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { readObjects } from '../input/files.ts';
import { fileProblem, InputError, UsageError } from '../input/input-error.ts';
import { parseClusterOption } from '../input/inputs.ts';
import { reduceObject } from '../sources/reduce.ts';
import { firstFlows } from '../suite/first-flows.ts';
import { makeCase } from '../suite/new-case.ts';
import { caseText } from '../suite/report-text.ts';
import { isPassed } from '../suite/result.ts';
import type { Io } from '../terminal/io.ts';
import { paintOf } from '../terminal/paint.ts';
import { reportingFailures } from './failures.ts';

export interface TestInitOptions {
  readonly node?: string;
  readonly config?: string;
  readonly registry?: string;
  readonly cluster?: readonly string[];
}

/**
 * `slicewright test init`: makes a case from given objects, with a flow table that says what they mean.
 *
 * folder    of the case; it is made, or must be empty
 * returns   the exit status: 0 made, and everything in it holds; 1 something failed; 2 usage
 */
export function testInitCommand(from: string, folder: string, options: TestInitOptions, io: Io): Promise<number> {
  return reportingFailures('human', io, async () => {
    if (existsSync(folder) && readdirSync(folder).length > 0) {
      throw new UsageError(printable(folder), 'is not empty; give a new folder for the case');
    }
    const result = await makeCase(folder, await inputFiles(from, options, io), firstFlows);
    const names = readdirSync(folder).sort(compareText);
    await io.out(`${printable(folder, 400)}: ${names.join(', ')}\n${caseText(result, paintOf(io))}`);
    return isPassed(result) ? 0 : 1;
  });
}

/** File name → contents: the objects that rules are made from, reduced to the fields that are read. */
async function inputFiles(from: string, options: TestInitOptions, io: Io): Promise<ReadonlyMap<string, string>> {
  const { readStdin } = io;
  const own = knownObjects(await readObjects([from], readStdin));
  const nodes = options.node === undefined ? own : knownObjects(await readObjects([options.node], readStdin));
  const [node, ...others] = nodes.filter(isNode);
  if (node === undefined || others.length > 0) {
    const message = `holds ${others.length === 0 ? 'no Node' : `${others.length + 1} Nodes`}; choose the Node to compile for with --node`;
    throw new InputError([fileProblem(options.node ?? from, 'no-node', message)]);
  }
  const objects = own.filter((object) => !isNode(object));
  if (objects.length === 0)
    throw new InputError([fileProblem(from, 'no-objects', 'holds no Service and no EndpointSlice')]);
  const files = new Map([
    ['README.md', 'What happens here, and why it matters.\n'],
    ['objects.yaml', documentsText(objects)],
    ['node.yaml', documentsText([node])],
  ]);
  for (const { cluster, path } of (options.cluster ?? []).map(parseClusterOption)) {
    files.set(`objects.${cluster}.yaml`, documentsText(knownObjects(await readObjects([path], readStdin))));
  }
  if (options.config !== undefined) {
    const { apiVersion: _version, kind: _kind, ...keys } = await onlyFields(options.config, io);
    files.set('settings.yaml', yamlText(keys));
  }
  if (options.registry !== undefined) files.set('registry.yaml', yamlText(await onlyFields(options.registry, io)));
  return files;
}

function knownObjects(raws: readonly unknown[]): Fields[] {
  return expandLists(raws, undefined, []).flatMap((object) => {
    const id = recognise(object)?.id;
    const { kind, apiVersion } = object;
    if (id === undefined || typeof apiVersion !== 'string' || typeof kind !== 'string') return [];
    const reduced = reduceObject(object, kind, apiVersion);
    return reduced === undefined ? [] : [reduced.value];
  });
}

function isNode({ kind }: Fields): boolean {
  return kind === 'Node';
}

async function onlyFields(path: string, io: Io): Promise<Fields> {
  const [document, ...others] = await readObjects([path], io.readStdin);
  const fields = asFields(document);
  if (fields !== undefined && others.length === 0) return fields;
  throw new InputError([fileProblem(path, 'bad-file', 'must hold one document, an object')]);
}

function documentsText(objects: readonly Fields[]): string {
  return objects.map((object) => yamlText(object)).join('---\n');
}

/** Converts through JSON, which leaves out members without a value. */
function yamlText(value: Fields): string {
  return dump(JSON.parse(JSON.stringify(value)), { lineWidth: -1, noRefs: true });
}
