import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';
import { type Configuration, parseConfiguration } from '../../config/config.ts';
import { podsUnknown } from '../../config/pods-unknown.ts';
import { fileProblem, InputError, withPlaces } from '../../input/input-error.ts';
import { type ReadStdin, readObjects } from '../../input/files.ts';
import { nowhere, type PlaceOf } from '../../input/place.ts';
import { placesOfDocument } from '../../input/places.ts';
import { documentOfFlags, type GivenFlags, givenFlags, setFlags } from './flags.ts';
import { flagWarning, idleWarnings } from './idle-flags.ts';
import { givenPortFlags, settlePorts } from './port-flags.ts';

/** Flags that count beside a file. All others that have a key in it have no effect then, as for kube-proxy. */
const besideFile = ['hostname-override'];

const choices = { compat: 'none', backend: undefined, forAgent: true } as const;

/** The agent's configuration, from a file or from flags. */
export interface Given {
  readonly configuration: Configuration;
  /** The KubeProxyConfiguration, with the flags counted in. */
  readonly document: unknown;
  /** Where in its file the configuration stands. */
  readonly placeOf: PlaceOf;
  /** Servers that an empty address switches off: the file format cannot express that. */
  readonly off: { readonly healthz: boolean; readonly metrics: boolean };
}

/**
 * path     of the configuration file; undefined: only flags are given
 * throws   InputError with every problem of the configuration
 */
export async function readConfiguration(
  path: string | undefined,
  given: GivenFlags,
  readStdin: ReadStdin,
): Promise<Given> {
  if (path === undefined) {
    const { flags, warnings } = settlePorts(given);
    const document = documentOfFlags(flags);
    const configuration = parseConfiguration(document, 'of the command line', choices);
    return {
      configuration: withNotes(configuration, [...warnings, ...idleWarnings(given)]),
      document,
      placeOf: nowhere,
      off: { healthz: flags['healthzBindAddress'] === '', metrics: flags['metricsBindAddress'] === '' },
    };
  }
  const read = await readDocument(path, readStdin);
  const document = setFlags(read, given, besideFile);
  const idle = [...givenFlags(given), ...givenPortFlags(given)].filter((flag) => !besideFile.includes(flag));
  const notes = idle.map((flag) =>
    flagWarning(flag, 'has no effect with --config, as for kube-proxy; set it in the file'),
  );
  const placeOf = placesOfDocument('KubeProxyConfiguration', path, read);
  const configuration = withPlaces(placeOf, () => parseConfiguration(document, path, choices));
  return {
    configuration: withNotes(configuration, [
      ...notes,
      ...idleWarnings(given),
      ...podsUnknown(configuration.settings, path),
    ]),
    document,
    placeOf,
    off: { healthz: false, metrics: false },
  };
}

/** Only the file's document, checked as {@link readConfiguration} does: for watching the file. */
export async function readCheckedDocument(path: string, given: GivenFlags, readStdin: ReadStdin): Promise<unknown> {
  const read = await readDocument(path, readStdin);
  const document = setFlags(read, given, besideFile);
  withPlaces(placesOfDocument('KubeProxyConfiguration', path, read), () => parseConfiguration(document, path, choices));
  return document;
}

async function readDocument(path: string, readStdin: ReadStdin): Promise<unknown> {
  const [document, ...others] = await readObjects([path], readStdin);
  if (document === undefined || others.length > 0) {
    throw new InputError([fileProblem(path, 'bad-configuration', 'expected one KubeProxyConfiguration')]);
  }
  return document;
}

function withNotes(configuration: Configuration, notes: readonly Diagnostic[]): Configuration {
  return { ...configuration, diagnostics: [...configuration.diagnostics, ...notes] };
}
