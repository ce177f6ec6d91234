import { maxPositioned } from './limits.ts';
import { type Positions, positionsIn } from './positions.ts';

/** A text that objects came from. */
export interface SourceText {
  readonly file: string;
  /** Made when somebody asks; undefined where the text cannot be read that way. */
  readonly positions: () => Positions | undefined;
}

/** Where a document came from: which of a file's, from 0. */
export interface Origin {
  readonly source: SourceText;
  readonly document: number;
}

/** By the very value that a parser made, so that it travels with it and takes nothing into what is compiled. */
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

/** Text that JSON.parse takes may be too much for a parser of YAML: a tab, or depth. Then the file is all that is known. */
function tryPositions(text: string, maxDepth: number): Positions | undefined {
  if (text.length > maxPositioned) return undefined;
  try {
    return positionsIn(text, maxDepth);
  } catch {
    return undefined;
  }
}
