import { defaultLeaseNamespace, parseVerbosity } from '../commands/agent/flags.ts';
import { addressOption, withUsageErrors } from '../terminal/usage-errors.ts';
import { io } from './io.ts';
import { addOutput, collect } from './output.ts';

/** What the controller's part of the command line takes from this one. */
export const controllerHelpers = {
  io,
  withUsageErrors,
  addressOption,
  addOutput,
  collect,
  parseVerbosity,
  defaultNamespace: defaultLeaseNamespace,
};
