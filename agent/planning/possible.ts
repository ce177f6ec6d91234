import type { LiveBackend, PossibleSettings } from '../../backends/backend.ts';
import type { Run } from '../../backends/command.ts';
import type { Settings } from '../../compiler/settings.ts';

/** The settings as far as this machine can do them, and what it cannot. A mode without such settings has all of them. */
export async function possibleSettings(
  live: Pick<LiveBackend, 'possible'>,
  run: Run,
  settings: Settings,
): Promise<PossibleSettings> {
  return live.possible === undefined ? { settings, problems: [] } : live.possible(run, settings);
}
