import { type Command, InvalidArgumentError, Option } from 'commander';
import { dangerCodes } from '../../backends/index.ts';
import { nearestName } from '../../compiler/values/nearest.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { defaultLockDir } from '../node/lock-folder.ts';
import { defaultThreshold, massRemovalCode } from '../planning/removal.ts';

/** Flags of every command that writes to a node. */
export function lockDirOption(): Option {
  const text = "the folder of the node's lock, one for the whole machine, which only root can write to";
  return new Option('--lock-dir <dir>', text).default(defaultLockDir);
}

export function thresholdOption(): Option {
  const text = 'the percentage of served Services that may be removed at once: 100 all, 0 none';
  return new Option('--mass-removal-threshold <percent>', text).argParser(parsePercent).default(defaultThreshold);
}

/** Flags of `plan` and `apply` that make them fail. */
export function addDangerOptions(command: Command): Command {
  return command
    .option(
      '--fail-on-danger <code,…>',
      'exit with status 3, and change nothing, if the plan has a danger with one of these codes',
      parseDangerCodes,
    )
    .addOption(thresholdOption());
}

/** Every code that `--fail-on-danger` takes. */
export function knownDangerCodes(): readonly string[] {
  return [massRemovalCode, ...dangerCodes()];
}

/**
 * `last-endpoint,hook-missing`; values given several times are joined.
 *
 * throws   InvalidArgumentError naming a code that does not exist, with the one that was probably meant
 */
function parseDangerCodes(text: string, before: readonly string[] = []): readonly string[] {
  const known = knownDangerCodes();
  const codes = text.split(',').map((code) => code.trim());
  const unknown = codes.find((code) => !known.includes(code));
  if (unknown === undefined) return [...before, ...codes];
  const meant = nearestName(unknown, known);
  const hint = meant === undefined ? `The codes are ${known.join(', ')}.` : `Did you mean ${meant}?`;
  throw new InvalidArgumentError(`There is no danger "${printable(unknown, 60)}". ${hint}`);
}

/** throws   InvalidArgumentError for anything but a whole percentage */
function parsePercent(text: string): number {
  if (!/^\d{1,3}$/.test(text) || Number(text) > 100) {
    throw new InvalidArgumentError('It is not a whole number from 0 to 100.');
  }
  return Number(text);
}
