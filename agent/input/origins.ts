import { maxPositioned } from './limits.ts';
import { type Positions, positionsIn } from './positions.ts';

/** A text that objects came from. */
export interface SourceText {
  readonly file: string;
  /** Computed on demand; undefined if the text cannot be read that way. */
  readonly positions: () => Positions | undefined;
}

/** Where a document came from: the file, and the document's number in it, from 0. */
export interface Origin {
  readonly source: SourceText;
  readonly document: number;
}

/** Keyed by the parsed value itself, so the origin travels with it and adds nothing to what is compiled. */
const origins = new WeakMap<object, Origin>();

export function rememberOrigin(document: unknown, origin: Origin): void {
  if (typeof document === 'object' && document !== null) origins.set(document, origin);
}

export function originOf(document: unknown): Origin | undefined {
  return typeof document === 'object' && document !== null ? origins.get(document) : undefined;
}

export function sourceText(file: string, text: string, maxDepth: number): SourceText {
  let positions: Positions | undefined;
  let isTried = false;
  return {
    file,
    positions() {
      if (!isTried) positions = tryPositions(text, maxDepth);
      isTried = true;
      return positions;
    },
  };
}

/** JSON.parse takes texts that a YAML parser rejects: tabs, or great depth. Then only the file is known. */
function tryPositions(text: string, maxDepth: number): Positions | undefined {
  if (text.length > maxPositioned) return undefined;
  try {
    return positionsIn(text, maxDepth);
  } catch {
    return undefined;
  }
}
