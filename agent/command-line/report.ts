import { type Command, Option } from 'commander';
import { withUsageErrors } from '../terminal/usage-errors.ts';
import { io } from './io.ts';
import { addInputOptions, collect } from './options.ts';

export function addReport(program: Command): void {
  addInputOptions(withUsageErrors(program.command('report').argument('[namespace/name[:port]...]')))
    .summary('write one HTML file with Services, traffic, rules and what changes')
    .description(
      'Writes a page that needs no network: a table of Services with search and filters, for each the way of its traffic, its ' +
        'endpoints, rules and diagnostics, and with one of --before, --against and --plan what changes, for traffic and in ' +
        'rules. What changes is told of all Services, also where others are left out.\n' +
        'Exit status: 0 written, 1 no such Service is served here, or nothing could be compiled, 2 usage.',
    )
    .option('-n, --namespace <namespace>', 'only Services of this namespace')
    .option('-l, --selector <selector>', "only Services with such labels: 'app=cart,tier in (a,b)'")
    .addOption(
      new Option('--before <path>', 'compare with what these manifests lead to; repeatable')
        .argParser(collect)
        .conflicts(['against', 'plan']),
    )
    .addOption(
      new Option(
        '--against <path>',
        'compare with what the tools printed of a node, or the files of compile --out, as plan takes them; repeatable',
      )
        .argParser(collect)
        .conflicts('plan'),
    )
    .option('--plan <file>', 'show what changes as plan -o json printed it')
    .option('--out <file>', 'write the page there instead of to standard output')
    .option('--title <text>', 'what the page is called')
    .addHelpText(
      'after',
      `
Examples:
  slicewright report -f manifests/ --node node.yaml --out services.html
  slicewright report -f manifests/ --node node.yaml --before main/manifests/ --out change.html
  slicewright report -n shop -f manifests/ --against node.iptables-save > shop.html`,
    )
    .action(async (targets: readonly string[], options) => {
      const { reportCommand } = await import('../commands/report.ts');
      process.exitCode = await reportCommand(targets, options, io);
    });
}
