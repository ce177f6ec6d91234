import type { CompileInput } from '../../compiler/compile.ts';
import { compile } from '../../compiler/index.ts';
import { endpointText, type ServicePortIR } from '../../compiler/ir/ir.ts';
import type { Packet } from '../../compiler/semantics/packet.ts';
import { probes } from '../../compiler/semantics/probes.ts';
import { families } from '../../compiler/values/address.ts';
import { servicePortText } from '../../compiler/values/names.ts';
import { protocolText } from '../../compiler/values/port.ts';
import { type DumpTexts, readTexts } from '../input/dumps.ts';
import type { IsNameSelected } from '../input/selection.ts';
import type { Wanted } from '../planning/compile-targets.ts';
import { targetsOf } from '../planning/targets.ts';
import { foundText } from '../verification/found-text.ts';
import { type NamedDifference, type VerifyChoices, verifyFound } from '../verification/verify-found.ts';
import { fewestObjects, reduceIncident } from './reduce.ts';

/** The smallest case that still shows the difference. */
export interface Finding {
  readonly input: CompileInput;
  readonly packets: readonly Packet[];
  /** Absent: it is about what the objects mean, not about a node. */
  readonly dump: DumpTexts | undefined;
  /** How often the reduction tried to leave out a part. */
  readonly tries: number;
}

/**
 * The first difference between dumps and objects, made small.
 *
 * returns   undefined: there is none
 */
export async function captureDifference(
  dumps: readonly DumpTexts[],
  { mode, settings, targets, input }: Wanted,
  choices: VerifyChoices,
): Promise<Finding | undefined> {
  const { backend, live } = mode;
  for (const dump of dumps) {
    for (const one of readTexts(dump, live, settings.chainPrefix)) {
      const { family } = one;
      const { differences } = await verifyFound(backend, one, targets[family], choices);
      const [difference] = differences;
      if (difference === undefined) continue;
      const reduced = await reduceIncident({ backend, live, input, dump, family, difference });
      return { ...reduced, packets: difference.examples.map(({ packet }) => packet) };
    }
  }
  return undefined;
}

/**
 * What a finding shows, in Markdown.
 *
 * returns   undefined: the case has a dump, and nothing in it differs
 */
export async function shownBy(
  { input, packets, dump, tries }: Finding,
  { backend, live }: Wanted['mode'],
): Promise<readonly string[] | undefined> {
  const targets = targetsOf(compile(input));
  if (dump === undefined) {
    const names = families.flatMap((family) =>
      targets[family].services.map(({ service, portName }) => servicePortText(service, portName)),
    );
    return [`What becomes of packets to ${[...new Set(names)].join(', ')}.`];
  }
  const [first] = packets;
  const observed = readTexts(dump, live, input.settings.chainPrefix).find(({ family }) => family === first?.family);
  if (observed === undefined) return undefined;
  const verified = await verifyFound(backend, observed, targets[observed.family]);
  const { differences } = verified;
  const isFirst = ({ place }: NamedDifference) =>
    place.address === first?.destination && place.port === first.destinationPort;
  const difference = differences.find(isFirst) ?? differences[0];
  if (difference === undefined) return undefined;
  const text = foundText({ ...verified, source: 'the dump' }, { verbose: false });
  return [
    differenceText(difference),
    '',
    ...text
      .trimEnd()
      .split('\n')
      .map((line) => `    ${line}`),
    '',
    `It was made this small in ${tries} tries.`,
  ];
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
export function captureServices({ input, targets }: Wanted, isAsked: IsNameSelected): Finding | undefined {
  const asked = (irs: readonly ServicePortIR[]) =>
    irs.filter(({ service, portName }) => isAsked(servicePortText(service, portName)));
  const hashes = (all: Wanted['targets']) =>
    families.flatMap((family) => asked(all[family].services).map(({ id, hash }) => `${id} ${hash}`)).join();
  const before = hashes(targets);
  if (before === '') return undefined;
  let tries = 0;
  const smaller = fewestObjects(input, (candidate: CompileInput) => {
    tries++;
    return hashes(targetsOf(compile(candidate))) === before;
  });
  const left = targetsOf(compile(smaller));
  return {
    input: smaller,
    packets: families.flatMap((family) => probes(asked(left[family].services), left[family].node)),
    dump: undefined,
    tries,
  };
}
