import type { Backend, LiveBackend, Observed, Witness } from '../../backends/backend.ts';
import { compareLooks, comparePlaces, type Difference } from '../../backends/equivalence/compare.ts';
import type { Look } from '../../backends/equivalence/look.ts';
import type { Place } from '../../backends/equivalence/places.ts';
import type { Target } from '../../backends/target.ts';
import type { ClusterObjects, CompileInput } from '../../compiler/compile.ts';
import { compile } from '../../compiler/index.ts';
import { expandLists } from '../../compiler/model/lists.ts';
import { asFields, type Fields } from '../../compiler/model/fields.ts';
import { recognise } from '../../compiler/model/kinds.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import { type DumpTexts, sourceOf } from '../input/dumps.ts';
import { targetsOf } from '../planning/targets.ts';
import type { NamedDifference } from '../verification/verify-found.ts';
import { textOfUnits, type Unit, unitsOf } from './dump-units.ts';
import { shrink } from './shrink.ts';

/*
 * What can be left out while a difference stays. First objects are left out, judged by the place of the difference alone:
 * thousands go in a few tries. Then parts of the dump are left out, as long as every place of the remaining Services is
 * treated as before. A place where only the smaller dump makes a difference is then checked too, and the dump reduced again.
 *
 * Both steps begin with a guess that is nearly always right and saves most tries: only the objects of the namespace where
 * packets are treated differently, and the dump without the program's rules for the removed objects.
 */

/** One object, and the cluster that it belongs to. */
export interface OwnedObject {
  readonly cluster: ClusterName | undefined;
  readonly object: Fields;
}

export interface Incident {
  readonly backend: Backend;
  readonly live: LiveBackend;
  readonly input: CompileInput;
  readonly dump: DumpTexts;
  readonly family: Family;
  readonly difference: NamedDifference;
}

export interface Reduced {
  readonly input: CompileInput;
  readonly dump: DumpTexts;
  /** How often the reduction tried to leave out a part. */
  readonly tries: number;
}

export function objectsOf({ clusters }: Pick<CompileInput, 'clusters'>): readonly OwnedObject[] {
  return clusters.flatMap(({ cluster, objects }) =>
    expandLists(objects, cluster, []).map((object): OwnedObject => ({ cluster, object })),
  );
}

/** The same input with other objects. A cluster without objects is left out. */
export function withObjects(input: CompileInput, objects: readonly OwnedObject[]): CompileInput {
  const clusters = input.clusters.map(({ cluster }) => cluster);
  return {
    ...input,
    clusters: [...new Set(clusters)].flatMap((cluster): ClusterObjects[] => {
      const own = objects.filter((one) => one.cluster === cluster).map(({ object }) => object);
      return own.length === 0 && cluster !== undefined ? [] : [{ cluster, objects: own }];
    }),
  };
}

/**
 * The fewest objects with which something holds; the node's own Node stays.
 *
 * isLikely   what probably suffices
 */
export function fewestObjects(
  input: CompileInput,
  holds: (input: CompileInput) => boolean,
  isLikely: (one: OwnedObject) => boolean = () => true,
): CompileInput {
  const all = objectsOf(input);
  const isNode = ({ cluster, object }: OwnedObject) => cluster === undefined && recognise(object)?.id?.kind === 'Node';
  const nodes = all.filter(isNode);
  const name = input.nodeName ?? (nodes.length === 1 ? recognise(nodes[0]?.object)?.id?.name : undefined);
  const ours = nodes.filter(({ object }) => recognise(object)?.id?.name === name);
  const others = all.filter((one) => !ours.includes(one));
  const isEnough = (objects: readonly OwnedObject[]) => holds(withObjects(input, [...objects, ...ours]));
  const kept = shrink(firstGuess(others, others.filter(isLikely), isEnough), isEnough);
  return withObjects(input, [...kept, ...ours]);
}

/** A part of all items if that is enough, else all of them. */
function firstGuess<T>(
  all: readonly T[],
  guess: readonly T[],
  isEnough: (items: readonly T[]) => boolean,
): readonly T[] {
  return guess.length < all.length && isEnough(guess) ? guess : all;
}

function namespaceOf({ object }: OwnedObject): unknown {
  return asFields(object.metadata)?.namespace;
}

export async function reduceIncident(incident: Incident): Promise<Reduced> {
  const { backend, live, family, difference } = incident;
  const witness = await backend.witness();
  const [observed] = readFamily(incident.dump, incident);
  if (observed === undefined) throw new Error(`the dump of ${family} that showed a difference cannot be read again`);
  let tries = 0;
  const reasons = reasonsOf([difference]);
  const input = fewestObjects(
    incident.input,
    (candidate) => {
      tries++;
      const target = targetsOf(compile(candidate))[family];
      return isAlike(reasons, differencesAt([difference.place], witness, target, observed.look(target.node)));
    },
    (one) => namespaceOf(one) === difference.servicePort?.split('/')[0],
  );
  const target = targetsOf(compile(input))[family];
  const lookAt = (dump: DumpTexts) => readFamily(dump, { live, family, input })[0]?.look(target.node);
  const wrongIn = (look: Look) => compareLooks(witness.look(target), look, target.node).differences;
  const here = observed.look(target.node);
  const wrongBefore = new Set(wrongIn(here).map(({ place }) => placeText(place)));
  const places = new Map([difference.place, ...frontendsOf(target)].map((place) => [placeText(place), place]));
  const stay = partsOf(backend, input);
  const gone = new Set([...partsOf(backend, incident.input)].filter((part) => !stay.has(part)));
  const likely = withoutParts(incident.dump, gone);
  let { dump } = incident;
  for (let round = 0; round < mostRounds; round++) {
    const asked = [...places.values()];
    const before = differencesAt(asked, witness, target, here);
    const isEnough = (candidate: DumpTexts) => {
      tries++;
      const look = lookAt(candidate);
      return look !== undefined && isAlike(before, differencesAt(asked, witness, target, look));
    };
    dump = fewestParts(isEnough(likely) ? likely : incident.dump, isEnough);
    const look = lookAt(dump);
    const made = look === undefined ? [] : wrongIn(look).filter(({ place }) => !wrongBefore.has(placeText(place)));
    if (made.length === 0) break;
    for (const { place } of made) places.set(placeText(place), place);
  }
  return { input, dump, tries };
}

/** Each try is asked about the places that the previous one spoilt. A case with one difference too many is still a case. */
const mostRounds = 4;

/** The differences of each place that has some, by their reasons. */
type Reasons = ReadonlyMap<string, ReadonlySet<string>>;

function reasonsOf(differences: readonly Difference[], unfollowed: readonly string[] = []): Reasons {
  const reasons = new Map<string, ReadonlySet<string>>(
    differences.map(({ place, examples }) => [placeText(place), new Set(examples.map(({ reason }) => reason))]),
  );
  return unfollowed.length === 0 ? reasons : reasons.set('not understood', new Set(unfollowed));
}

function differencesAt(places: readonly Place[], witness: Witness, target: Target, found: Look): Reasons {
  const { differences, unfollowed } = comparePlaces(places, witness.look(target), found, target.node);
  return reasonsOf(differences, unfollowed);
}

/** Whether the same places differ, and each for a reason that it had before. */
function isAlike(before: Reasons, now: Reasons): boolean {
  return (
    before.size === now.size &&
    [...before].every(([place, reasons]) => [...(now.get(place) ?? [])].some((reason) => reasons.has(reason)))
  );
}

function readFamily(
  dump: DumpTexts,
  { live, family, input }: Pick<Incident, 'live' | 'family' | 'input'>,
): readonly Observed[] {
  const { observed, problems } = live.readDump(sourceOf(dump), input.settings.chainPrefix);
  return problems.length > 0 ? [] : observed.filter((one) => one.family === family);
}

function frontendsOf({ services, node }: Target): Place[] {
  return services.flatMap(({ frontends, protocol }) =>
    frontends.map((frontend) => ({
      address: frontend.kind === 'nodePort' ? node.nodeIP : frontend.address,
      protocol,
      port: frontend.port,
    })),
  );
}

function placeText({ address, protocol, port }: Place): string {
  return `${address} ${protocol} ${port}`;
}

/** Every line, block and element of the program of some objects, in both families. */
function partsOf({ make }: Backend, input: CompileInput): ReadonlySet<string> {
  const targets = targetsOf(compile(input));
  const texts = families.flatMap((family) => [...make(targets[family]).files().values()]);
  return new Set(texts.flatMap((text) => wordsOf(unitsOf(text))));
}

function wordsOf(units: readonly Unit[]): string[] {
  return units.flatMap((unit) =>
    unit.kind === 'line' ? [unit.text.trim()] : [unit.open.trim(), ...wordsOf(unit.parts)],
  );
}

function withoutParts(dump: DumpTexts, gone: ReadonlySet<string>): DumpTexts {
  const left = (units: readonly Unit[]): Unit[] =>
    units.flatMap((unit): Unit[] => {
      if (gone.has(unit.kind === 'line' ? unit.text.trim() : unit.open.trim())) return [];
      return [unit.kind === 'line' ? unit : { ...unit, parts: left(unit.parts) }];
    });
  return { ...dump, texts: new Map([...dump.texts].map(([name, text]) => [name, textOfUnits(left(unitsOf(text)))])) };
}

/** Files go whole where they can, then blocks and lines, then what is in blocks. */
function fewestParts(dump: DumpTexts, holds: (dump: DumpTexts) => boolean): DumpTexts {
  const withTexts = (texts: readonly (readonly [string, string])[]): DumpTexts => ({ ...dump, texts: new Map(texts) });
  let texts = shrink([...dump.texts], (candidate) => holds(withTexts(candidate)));
  for (const [place, [name, text]] of texts.entries()) {
    const put = (units: readonly Unit[]) => texts.with(place, [name, textOfUnits(units)]);
    const units = unitsOf(text);
    // A file that cannot be read without one of its parts stays as it was.
    if (!holds(withTexts(put(units)))) continue;
    texts = put(fewestUnits(units, (candidate) => holds(withTexts(put(candidate)))));
  }
  return withTexts(texts);
}

function fewestUnits(units: readonly Unit[], holds: (units: readonly Unit[]) => boolean): readonly Unit[] {
  let kept = shrink(units, holds);
  for (const [place, unit] of kept.entries()) {
    if (unit.kind === 'line') continue;
    const put = (parts: readonly Unit[]) => kept.with(place, { ...unit, parts });
    kept = put(fewestUnits(unit.parts, (parts) => holds(put(parts))));
  }
  return kept;
}
