import {
  EVENT_ALIAS,
  EVENT_DOCUMENT,
  EVENT_MAPPING,
  EVENT_POP,
  EVENT_SCALAR,
  EVENT_SEQUENCE,
  type Event,
  getScalarValue,
  parseEvents,
} from 'js-yaml';

/** Steps from a document's root to a value in it: `['spec', 'ports', 1, 'port']`. */
export type Path = readonly (string | number)[];

/** The places of values in a file's text. Lines count from 1, documents from 0. */
export interface Positions {
  /**
   * The line of a value; if the document does not have it, the line of its innermost parent that exists; undefined
   * if there is no such document.
   */
  lineOf(document: number, path: Path): number | undefined;
  /** The text of a scalar; undefined if there is none. */
  textAt(document: number, path: Path): string | undefined;
}

/** The content of a collection: each entry with the place of its key, or of itself in a list, and the index of its event. */
interface Child {
  readonly key: string | number;
  readonly offset: number;
  readonly at: number;
}

/**
 * text   YAML or JSON that was parsed before. JSON is read as YAML here, which is slower, but only done for texts with
 *        diagnostics
 */
export function positionsIn(text: string, maxDepth: number): Positions {
  const events = parseEvents(text, { maxDepth });
  const after = endsOf(events);
  const documents = events.flatMap((event, i) => (event.type === EVENT_DOCUMENT ? [i] : []));
  const lines = lineStarts(text);
  const known = new Map<number, ReadonlyMap<string | number, Child>>();

  function childrenAt(at: number): ReadonlyMap<string | number, Child> {
    const found = known.get(at) ?? new Map(childrenOf(text, events, after, at).map((child) => [child.key, child]));
    known.set(at, found);
    return found;
  }

  /** The last step of the path that exists, and whether that is the whole path. */
  function walk(document: number, path: Path): { offset: number; at: number; isThere: boolean } | undefined {
    const start = documents[document];
    const root = start === undefined ? undefined : events[start + 1];
    if (start === undefined || root === undefined || root.type === EVENT_POP) return undefined;
    let here = { offset: offsetOf(root), at: start + 1 };
    for (const step of path) {
      const child = childrenAt(here.at).get(step);
      if (child === undefined) return { ...here, isThere: false };
      here = child;
    }
    return { ...here, isThere: true };
  }

  return {
    lineOf(document, path) {
      const found = walk(document, path);
      return found && lineAt(lines, found.offset);
    },
    textAt(document, path) {
      const found = walk(document, path);
      const event = found?.isThere === true ? events[found.at] : undefined;
      return event?.type === EVENT_SCALAR ? getScalarValue(text, event) : undefined;
    },
  };
}

/** For every event, the index of the event after it and its content. */
function endsOf(events: readonly Event[]): Int32Array {
  const after = new Int32Array(events.length);
  const open: number[] = [];
  events.forEach((event, i) => {
    if (event.type === EVENT_DOCUMENT || event.type === EVENT_MAPPING || event.type === EVENT_SEQUENCE) open.push(i);
    else if (event.type === EVENT_POP) after[open.pop() ?? i] = i + 1;
    else after[i] = i + 1;
  });
  return after;
}

function childrenOf(text: string, events: readonly Event[], after: Int32Array, at: number): Child[] {
  const parent = events[at];
  const children: Child[] = [];
  const next = (i: number): number => after[i] ?? events.length;
  const isEnd = (i: number): boolean => i >= events.length || events[i]?.type === EVENT_POP;
  if (parent?.type === EVENT_SEQUENCE) {
    for (let i = at + 1; !isEnd(i); i = next(i)) {
      children.push({ key: children.length, offset: offsetOf(events[i]), at: i });
    }
  } else if (parent?.type === EVENT_MAPPING) {
    for (let key = at + 1; !isEnd(key); ) {
      const value = next(key);
      const event = events[key];
      if (event?.type === EVENT_SCALAR) {
        children.push({ key: getScalarValue(text, event), offset: offsetOf(event), at: value });
      }
      key = next(value);
    }
  }
  return children;
}

function offsetOf(event: Event | undefined): number {
  switch (event?.type) {
    case EVENT_MAPPING:
    case EVENT_SEQUENCE:
      return event.start;
    case EVENT_SCALAR:
      return event.valueStart;
    case EVENT_ALIAS:
      return event.anchorStart;
    default:
      return 0;
  }
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** The last line that begins at or before the place. */
function lineAt(starts: readonly number[], offset: number): number {
  let [low, high] = [0, starts.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] as number) <= offset) low = middle;
    else high = middle;
  }
  return low + 1;
}

/** `spec.ports[1].port`, `metadata.annotations["slicewright.dev/weight"]` → steps. */
export function pathOfField(field: string): Path {
  return [...field.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g)].map(([, quoted, index, name]) =>
    index === undefined ? (quoted ?? name ?? '') : Number(index),
  );
}
