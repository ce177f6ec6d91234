import { type Command, Option } from 'commander';
import { withUsageErrors } from '../terminal/usage-errors.ts';
import { io } from './io.ts';
import { addInputOptions, collect } from './options.ts';

export function addCapture(program: Command): void {
  addInputOptions(
    withUsageErrors(program.command('capture').argument('<folder>').argument('[namespace/name[:port]...]')),
  )
    .summary('make a small test case of an incident')
    .description(
      'Writes a folder with the fewest objects, and the smallest part of a dump, that still show the first difference ' +
        'which verify finds. Without a dump, or where nothing differs, it writes the objects that the rules of the named ' +
        'Services come from. Needs no kernel and no root.\n' +
        'Exit status: 0 written, 1 nothing to capture, or reading or writing failed, 2 usage.',
    )
    .addOption(
      new Option(
        '--against <path>',
        "a dump of a node's rules, or the files of compile --out, in the form that verify reads; repeatable",
      )
        .argParser(collect)
        .default([], 'no dump'),
    )
    .option('-n, --namespace <namespace>', 'only packets to Services of this namespace')
    .option('-l, --selector <selector>', "only Services that this label selector matches: 'app=cart'")
    .addHelpText(
      'after',
      `
Examples:
  slicewright capture cases/incident-1 -f manifests/ --config kube-proxy.yaml --against node.iptables-save
  slicewright capture cases/cart shop/cart -f manifests/ --node node.yaml`,
    )
    .action(async (folder: string, services: readonly string[], options) => {
      const { captureCommand } = await import('../commands/capture.ts');
      process.exitCode = await captureCommand(folder, { ...options, services }, io);
    });
}
