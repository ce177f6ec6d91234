import { type Command, Option } from 'commander';
import { addressOption, withUsageErrors } from '../terminal/usage-errors.ts';
import { levels, sortings } from '../traffic/table.ts';
import { io } from './io.ts';
import { addInputOptions, filenameOption } from './options.ts';
import { addOutput } from './output.ts';
import { intervalOption, watchPlace } from './watching.ts';

export function addTop(program: Command): void {
  const top = withUsageErrors(program.command('top').argument('[namespace/name[:port]...]'))
    .summary("show this node's traffic to Services, beside the expected shares")
    .description(
      "Reads the kernel's counters repeatedly and shows connections for each Service, cluster or endpoint; " +
        'changes nothing. The expected shares come from the objects of -f, else from the agent of this node. Top marks a ' +
        'share that is farther from its expected value than chance explains.\n' +
        'Exit status: 0 shown, 1 the counters cannot be read, 2 usage.',
    )
    .option('-n, --namespace <namespace>', 'only Services of this namespace')
    .option(
      '-l, --selector <selector>',
      "only Services that this label selector matches: 'app=cart,tier in (a,b)'; needs -f",
    )
    .addOption(new Option('--by <level>', 'what each row shows').choices(levels).default('service'))
    .addOption(new Option('--sort <order>', 'the column to sort by').choices(sortings).default('rate'))
    .addOption(intervalOption())
    .option('--once', 'print once, without rates: the counts since the rules were written')
    .addOption(addressOption("the address of the agent's metrics", '127.0.0.1:10249'));
  addInputOptions(
    addOutput(top, ['text', 'json', 'yaml'], 'text', 'output format; json and yaml exit after one interval'),
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
