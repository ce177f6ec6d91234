import type { LiveBackend, PossibleSettings } from '../../backends/backend.ts';
import type { Run } from '../../backends/command.ts';
import type { Settings } from '../../compiler/settings.ts';

/** The settings as far as this machine supports them, and the unsupported ones. A mode without such settings supports all. */
export async function possibleSettings(
  live: Pick<LiveBackend, 'possible'>,
  run: Run,
  settings: Settings,
): Promise<PossibleSettings> {
  return live.possible === undefined ? { settings, problems: [] } : live.possible(run, settings);
}
