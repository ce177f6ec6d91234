import { asFields, type Fields } from '../compiler/model/fields.ts';
import { compareText } from '../compiler/values/names.ts';
import type { ClusterCache } from './cluster-cache.ts';
import { desire, type Topic } from './core/desire.ts';
import { type Change, differenceOf, type Memory, type Withheld } from './core/difference.ts';
import type { DesiredEvent, DesiredStatus, Refusal } from './core/draft.ts';
import { idText, type ObjectId } from './core/kinds.ts';
import type { Held } from './core/object.ts';
import type { Target, World } from './core/world.ts';
import { observe, pathOf } from './observe.ts';

/** An object's total change in a cluster: before is undefined for a new object, after for a deleted one. */
export interface NetChange {
  readonly target: Target;
  readonly id: ObjectId;
  readonly before: Held | undefined;
  readonly after: Fields | undefined;
}

export interface Simulated {
  readonly net: readonly NetChange[];
  /** One entry per write, in order. */
  readonly changes: readonly Change[];
  readonly withheld: readonly Withheld[];
  readonly refusals: readonly Refusal[];
  readonly statuses: readonly DesiredStatus[];
  readonly events: readonly DesiredEvent[];
}

const noMemory: Memory = { isAccepted: () => false, isHeld: () => false };
/** The most rounds. Writes lead to further writes: an import to its slices, their Service to its addresses. */
const maxRounds = 20;

/**
 * Does in memory what the controller would do in clusters, until nothing is left to write.
 *
 * caches     are changed
 * complete   adds what a cluster would add to an object
 * throws     Error if the writes do not end
 */
export function simulate(
  world: World,
  caches: ReadonlyMap<Target, ClusterCache>,
  complete: (target: Target, object: Fields) => Fields = (_target, object) => object,
  memory: Memory = noMemory,
): Simulated {
  const changes: Change[] = [];
  const net = new Map<string, NetChange>();
  for (let round = 0; ; round++) {
    const outcomes = topicsOf(caches).map((topic) => ({ topic, outcome: desire(world, topic) }));
    const found = outcomes.map(({ topic, outcome }) => differenceOf(world, topic, outcome, memory));
    const next = found.flatMap((difference) => difference.changes);
    if (next.length === 0) {
      return {
        net: [...net.values()].sort((a, b) => compareText(keyOf(a), keyOf(b))),
        changes,
        withheld: found.flatMap(({ withheld }) => withheld),
        refusals: outcomes.flatMap(({ outcome }) => outcome.refusals),
        statuses: outcomes.flatMap(({ outcome }) => outcome.statuses),
        events: outcomes.flatMap(({ outcome }) => outcome.events),
      };
    }
    if (round >= maxRounds) throw new Error(`the changes do not converge: ${next.map(textOf).slice(0, 10).join(', ')}`);
    for (const change of next) note(net, change);
    for (const change of next) perform(caches, change, complete, round);
    changes.push(...next);
  }
}

/** Every topic that may have to be decided. */
function topicsOf(caches: ReadonlyMap<Target, ClusterCache>): readonly Topic[] {
  const topics = new Set<Topic>();
  for (const cache of caches.values()) for (const topic of cache.topics()) topics.add(topic);
  return [...topics].sort(compareText);
}

function keyOf({ target, id }: Pick<NetChange, 'target' | 'id'>): string {
  return `${target} ${idText(id)}`;
}

export function textOf(change: Change): string {
  const { target, id } = change.kind === 'apply' ? change.desired : { target: change.target, id: change.object };
  return `${change.kind} ${target} ${id.kind} ${id.name}`;
}

function note(net: Map<string, NetChange>, change: Change): void {
  const { target, id } = change.kind === 'apply' ? change.desired : { target: change.target, id: change.object };
  const key = keyOf({ target, id });
  const before = net.has(key) ? net.get(key)?.before : change.kind === 'apply' ? change.before : change.object;
  const after = change.kind === 'apply' ? change.object : undefined;
  if (before === undefined && after === undefined) net.delete(key);
  else net.set(key, { target, id, before, after });
}

function perform(
  caches: ReadonlyMap<Target, ClusterCache>,
  change: Change,
  complete: (target: Target, object: Fields) => Fields,
  round: number,
): void {
  if (change.kind === 'delete') {
    caches.get(change.target)?.change(change.object, pathOf(change.object), undefined);
    return;
  }
  const { target, id } = change.desired;
  const object = complete(target, change.object);
  const uid = change.before?.uid ?? `${target}-${idText(id)}`;
  const metadata = { ...asFields(object.metadata), uid, resourceVersion: String(round + 1) };
  const held = observe({ ...object, metadata }, String(object.apiVersion), id.kind);
  if (held !== undefined) caches.get(target)?.change(id, pathOf(id), held);
}
