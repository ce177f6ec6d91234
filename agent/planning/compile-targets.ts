import { loadMode, type Mode } from '../../backends/index.ts';
import type { Target } from '../../backends/target.ts';
import type { Compilation, CompileInput } from '../../compiler/compile.ts';
import { compile } from '../../compiler/index.ts';
import type { Settings } from '../../compiler/settings.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { isWorrying } from '../terminal/diagnostics.ts';
import { InputError } from '../input/input-error.ts';
import { type Host, type InputOptions, readInputs } from '../input/inputs.ts';
import type { PlaceOf } from '../input/place.ts';
import type { Io } from '../terminal/io.ts';
import { clustersOf } from './clusters.ts';
import type { ClusterOf } from './fact-texts.ts';
import { targetsOf } from './targets.ts';

/** What shall be, in both families. */
export interface Wanted {
  /** No object was read at all: what shall be is nothing, and hardly meant. */
  readonly isEmpty: boolean;
  readonly input: CompileInput;
  readonly mode: Mode;
  readonly compilation: Compilation;
  readonly settings: Settings;
  readonly targets: Readonly<Record<Family, Target>>;
  readonly diagnostics: readonly Diagnostic[];
  /** Where in files their objects stand. */
  readonly placeOf: PlaceOf;
  readonly clusterOf: ClusterOf;
}

export interface WantedOptions extends InputOptions {
  readonly strict?: boolean;
}

/**
 * Compiles what a plan leads to.
 *
 * host     undefined: not on the node itself
 * throws   InputError for files that cannot be used, and with `strict` for a warning
 */
export async function compileWanted(options: WantedOptions, io: Io, host: Host | undefined): Promise<Wanted> {
  const { isEmpty, input, backend, diagnostics: notes, placeOf } = await readInputs(options, io.readStdin, host);
  const compilation = compile(input);
  const { settings } = input;
  const mode = await loadMode(backend);
  const targets = targetsOf(compilation);
  const made = families.flatMap((family) => mode.backend.make(targets[family]).diagnostics);
  const diagnostics = [...notes, ...compilation.diagnostics, ...made];
  if (options.strict === true && diagnostics.some(isWorrying)) throw new InputError(diagnostics, placeOf);
  const clusterOf = clustersOf(compilation, settings.clusterCidrs);
  return { isEmpty, mode, input, compilation, settings, targets, diagnostics, placeOf, clusterOf };
}
