import type { Command } from 'commander';
import { addController } from '../../controller/cli.ts';
import { controllerHelpers } from './controller-helpers.ts';

export function addControllerCommand(program: Command): void {
  addController(program, controllerHelpers);
}
