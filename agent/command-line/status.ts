import type { Command } from 'commander';
import { addressOption, withUsageErrors } from '../terminal/usage-errors.ts';
import { io } from './io.ts';
import { addOutput } from './output.ts';
import { intervalOption, watchPlace } from './watching.ts';
import { selectorOption } from './selector.ts';

export function addStatus(program: Command): void {
  const status = withUsageErrors(
    program.command('status').argument('[namespace/name[:port]...]', 'show only these Services'),
  )
    .summary("show the state of this node's agent")
    .description(
      'Shows sources and their freshness, the last sync of each family, drift, Services that are held back, and the ' +
        'endpoints of each Service. With Services or a namespace it shows only those, and they decide the exit status ' +
        'together with the state of the agent itself.\nExit status: 0 all rules are in force, 1 something is wrong, a named ' +
        'Service is not served, or no agent answers, 2 usage.',
    )
    .option('-n, --namespace <namespace>', 'only Services of this namespace; a target may then be a name alone')
    .addOption(selectorOption())
    .addOption(addressOption("the address of the agent's metrics", '127.0.0.1:10249'))
    .option('--watch', 'refresh until q or Ctrl-C')
    .addOption(intervalOption());
  addOutput(
    status,
    ['text', 'wide', 'name', 'json', 'yaml'],
    'text',
    'output format; wide: also the addresses of each Service, and whole messages; name: only the Services',
  )
    .addHelpText(
      'after',
      '\nExamples:\n  slicewright status\n  slicewright status shop/cart --watch\n  slicewright status -n shop -o name\n  slicewright status -o json | jq .families',
    )
    .action(async (services: string[], { watch, interval: intervalMs, ...options }) => {
      const { statusCommand } = await import('../commands/status.ts');
      const place = watch === true ? { ...(await watchPlace()), intervalMs } : undefined;
      process.exitCode = await statusCommand({ ...options, services }, io, place);
    });
}
