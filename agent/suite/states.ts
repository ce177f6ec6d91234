import type { Compilation } from '../../compiler/compile.ts';
import { compile } from '../../compiler/index.ts';
import type { GoldenCase, GoldenState } from './case.ts';

/** A state with its compilation. */
export interface CompiledState extends GoldenState {
  readonly compilation: Compilation;
}

/** A case's states in order. Each is compiled when it is first asked for. */
export function compiledStates({ changes, ...first }: GoldenCase): CompiledState[] {
  return [first, ...changes].map((state) => {
    const compilation = once(() => compile(state.input));
    return {
      ...state,
      get compilation() {
        return compilation();
      },
    };
  });
}

/** A function that does its work at the first call. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
