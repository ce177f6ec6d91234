import type { CompileInput } from '../../compiler/compile.ts';
import { compile } from '../../compiler/index.ts';
import { endpointText, type ServicePortIR } from '../../compiler/ir/ir.ts';
import { probes } from '../../compiler/semantics/probes.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import { servicePortText } from '../../compiler/values/names.ts';
import { protocolText } from '../../compiler/values/port.ts';
import { type DumpTexts, readDumpTexts, sourceOf } from '../input/dumps.ts';
import type { IsNameSelected } from '../input/selection.ts';
import type { Wanted } from '../planning/compile-targets.ts';
import { targetsOf } from '../planning/targets.ts';
import { foundText } from '../verification/found-text.ts';
import { type NamedDifference, type VerifyChoices, verifyFound } from '../verification/verify-found.ts';
import type { Captured } from './case-files.ts';
import { fewestObjects, reduceIncident } from './reduce.ts';

/** What a case is about, before the documents that settings come from are put beside it. */
export type Finding = Omit<Captured, 'configuration' | 'registry' | 'compat'>;

/**
 * The first difference between dumps and objects, made small.
 *
 * returns   undefined: there is none
 */
export async function captureDifference(
  paths: readonly string[],
  wanted: Wanted,
  choices: VerifyChoices,
): Promise<Finding | undefined> {
  const { mode, settings, targets } = wanted;
  for (const path of paths) {
    const { observed, dump } = readDumpTexts(path, mode.live, settings.chainPrefix);
    for (const one of observed) {
      const { differences } = await verifyFound(mode.backend, one, targets[one.family], choices);
      const [difference] = differences;
      if (difference !== undefined) return made(wanted, dump, one.family, difference);
    }
  }
  return undefined;
}

async function made(
  { input, mode }: Wanted,
  dump: DumpTexts,
  family: Family,
  difference: NamedDifference,
): Promise<Finding> {
  const { backend, live } = mode;
  const reduced = await reduceIncident({ backend, live, input, dump, family, difference });
  const [now] = live
    .readDump(sourceOf(reduced.dump), input.settings.chainPrefix)
    .observed.filter((one) => one.family === family);
  if (now === undefined) throw new Error('a dump that was made smaller cannot be read');
  const verified = await verifyFound(backend, now, targetsOf(compile(reduced.input))[family]);
  const text = foundText({ ...verified, source: 'the dump' }, { verbose: false });
  return {
    input: reduced.input,
    backend: backend.name,
    packets: difference.examples.map(({ packet }) => packet),
    dump: reduced.dump,
    shows: [
      differenceText(difference),
      '',
      ...text
        .trimEnd()
        .split('\n')
        .map((line) => `    ${line}`),
      '',
      `It was made this small in ${reduced.tries} tries.`,
    ],
  };
}

function differenceText({ place, servicePort }: NamedDifference): string {
  const where = `${endpointText(place)}/${protocolText(place.protocol)}`;
  return `A node treats packets to ${where} (${servicePort ?? 'no Service'}) differently from what the objects specify.`;
}

/**
 * The objects that the chosen Services' rules come from.
 *
 * returns   undefined: none of them is served
 */
export function captureServices({ input, mode, targets }: Wanted, isAsked: IsNameSelected): Finding | undefined {
  const asked = (irs: readonly ServicePortIR[]) =>
    irs.filter(({ service, portName }) => isAsked(servicePortText(service, portName)));
  const hashes = (all: Wanted['targets']) =>
    families.flatMap((family) => asked(all[family].services).map(({ id, hash }) => `${id} ${hash}`)).join();
  const before = hashes(targets);
  if (before === '') return undefined;
  const smaller = fewestObjects(input, (candidate: CompileInput) => hashes(targetsOf(compile(candidate))) === before);
  const left = targetsOf(compile(smaller));
  const names = families.flatMap((family) =>
    asked(left[family].services).map(({ service, portName }) => servicePortText(service, portName)),
  );
  return {
    input: smaller,
    backend: mode.backend.name,
    packets: families.flatMap((family) => probes(asked(left[family].services), left[family].node)),
    dump: undefined,
    shows: [`What happens to packets to ${[...new Set(names)].join(', ')}.`],
  };
}
