import { type Command, Option } from 'commander';
import { withUsageErrors } from '../terminal/usage-errors.ts';
import { io } from './io.ts';
import { addInputOptions } from './options.ts';
import { collect } from './output.ts';
import { selectorOption } from './selector.ts';

export function addReport(program: Command): void {
  addInputOptions(withUsageErrors(program.command('report').argument('[namespace/name[:port]...]')))
    .summary('write one HTML file with Services, traffic, rules and what changes')
    .description(
      'Writes a page that needs no network: a table of Services with search and filters, for each the path of its traffic, its ' +
        'endpoints, rules and diagnostics, and with one of --before, --against and --plan what changes, for traffic and in ' +
        'rules. The list of changes covers all Services, even if you choose some.\n' +
        'Exit status: 0 written, 1 no such Service is served here, or nothing could be compiled, 2 usage.',
    )
    .option('-n, --namespace <namespace>', 'only Services of this namespace')
    .addOption(selectorOption())
    .addOption(
      new Option('--before <path>', 'compare with the program of these manifests; repeatable')
        .argParser(collect)
        .conflicts(['against', 'plan']),
    )
    .addOption(
      new Option(
        '--against <path>',
        "compare with a dump of a node's rules, or the files of compile --out, in the form that plan reads; repeatable",
      )
        .argParser(collect)
        .conflicts('plan'),
    )
    .option('--plan <file>', 'show the changes of this plan, which plan -o json printed')
    .option('--out <file>', 'write the page to this file instead of standard output')
    .option('--title <text>', 'the title of the page')
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
