import type { Run } from '../../backends/command.ts';
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
import { possibleSettings } from './possible.ts';
import { targetsOf } from './targets.ts';

/** The desired state, in both families. */
export interface Wanted {
  /** No object was read at all: the desired state is empty, which is probably a mistake. */
  readonly isEmpty: boolean;
  readonly input: CompileInput;
  readonly mode: Mode;
  readonly compilation: Compilation;
  readonly settings: Settings;
  readonly targets: Readonly<Record<Family, Target>>;
  readonly diagnostics: readonly Diagnostic[];
  /** Finds their objects in files. */
  readonly placeOf: PlaceOf;
  readonly clusterOf: ClusterOf;
}

export interface WantedOptions extends InputOptions {
  readonly strict?: boolean;
}

/** The machine that a command compiles for, if it runs there. */
export interface Here {
  readonly host: Host;
  readonly run: Run;
}

/**
 * Compiles the desired state of a plan.
 *
 * here     undefined: the command does not run on the node itself
 * throws   InputError for files that cannot be used, and with `strict` for a warning
 */
export async function compileWanted(options: WantedOptions, io: Io, here: Here | undefined): Promise<Wanted> {
  const read = await readInputs(options, io.readStdin, here?.host);
  const { isEmpty, backend, diagnostics: notes, placeOf } = read;
  const mode = await loadMode(backend);
  const asked = read.input.settings;
  const { settings, problems } =
    here === undefined ? { settings: asked, problems: [] } : await possibleSettings(mode.live, here.run, asked);
  const input = { ...read.input, settings };
  const compilation = compile(input);
  const targets = targetsOf(compilation);
  const made = families.flatMap((family) => mode.backend.make(targets[family]).diagnostics);
  const diagnostics = [...notes, ...problems, ...compilation.diagnostics, ...made];
  if (options.strict === true && diagnostics.some(isWorrying)) throw new InputError(diagnostics, placeOf);
  const clusterOf = clustersOf(compilation, settings.clusterCidrs);
  return { isEmpty, mode, input, compilation, settings, targets, diagnostics, placeOf, clusterOf };
}
