import type { Command } from 'commander';
import { withUsageErrors } from '../terminal/usage-errors.ts';
import { io } from './io.ts';
import { addOutput } from './output.ts';

export function addVersion(program: Command): void {
  const version = withUsageErrors(program.command('version'))
    .summary('print the version, and what it runs on')
    .description(
      'Prints the version of slicewright, the commit that it was built from, the Node that runs it, the platform, and the ' +
        'backends that it has. `slicewright --version` prints the version alone.\nExit status: 0 printed, 2 usage.',
    );
  addOutput(version, ['text', 'json', 'yaml'], 'text')
    .addHelpText('after', '\nExamples:\n  slicewright version\n  slicewright version -o json')
    .action(async ({ output }) => {
      const { thisVersion, versionCommand } = await import('../commands/version.ts');
      process.exitCode = await versionCommand(thisVersion(), output, io);
    });
}
