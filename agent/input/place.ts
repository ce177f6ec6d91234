import type { Diagnostic } from '../../compiler/values/diagnostic.ts';

/** Documents and lines count from 1. line: undefined where only the file is known. */
export interface Place {
  readonly file: string;
  readonly document: number;
  readonly line: number | undefined;
}

/** undefined: the object did not come from a file. */
export type PlaceOf = (diagnostic: Pick<Diagnostic, 'object' | 'field'>) => Place | undefined;

export const nowhere: PlaceOf = () => undefined;
