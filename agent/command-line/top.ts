import { type Command, Option } from 'commander';
import { addressOption, withUsageErrors } from '../terminal/usage-errors.ts';
import { levels, sortings } from '../traffic/table.ts';
import { io } from './io.ts';
import { addInputOptions, addOutput, filenameOption } from './options.ts';
import { intervalOption, watchPlace } from './watching.ts';

export function addTop(program: Command): void {
  const top = withUsageErrors(program.command('top').argument('[namespace/name[:port]...]'))
    .summary("show this node's traffic to Services, beside the shares that were asked for")
    .description(
      "Reads the kernel's own counters again and again and shows connections for each Service, cluster or endpoint; " +
        'changes nothing. What was asked for comes from the objects of -f, else from the agent of this node. A share that ' +
        'is farther from it than chance explains is marked.\n' +
        'Exit status: 0 shown, 1 nothing can be read, 2 usage.',
    )
    .option('-n, --namespace <namespace>', 'only Services of this namespace')
    .option('-l, --selector <selector>', "only Services with such labels: 'app=cart,tier in (a,b)'; needs -f")
    .addOption(new Option('--by <level>', 'what a row is').choices(levels).default('service'))
    .addOption(new Option('--sort <order>', 'which row comes first').choices(sortings).default('rate'))
    .addOption(intervalOption())
    .option('--once', 'one look, without rates: what was counted since the rules were written')
    .addOption(addressOption("where the agent's metrics are served", '127.0.0.1:10249'));
  addInputOptions(
    addOutput(top, ['text', 'json', 'yaml'], 'text', 'how it is written; json and yaml end after an interval'),
    filenameOption(),
  )
    .addHelpText(
      'after',
      `
Examples:
  slicewright top
  slicewright top -n shop --by endpoint
  slicewright top shop/cart --by cluster -f manifests/ --interval 10
  slicewright top --once -o json`,
    )
    .action(async (targets: readonly string[], { interval: intervalMs, ...options }) => {
      const [{ topCommand }, { hostRun }, { thisHost }] = await Promise.all([
        import('../commands/top.ts'),
        import('../../backends/run.ts'),
        import('../node/host.ts'),
      ]);
      const place = { run: hostRun(), host: thisHost(), ...(await watchPlace()) };
      process.exitCode = await topCommand(targets, { intervalMs, ...options }, io, place);
    });
}
