import { type Command, InvalidArgumentError, Option } from 'commander';
import { withUsageErrors } from '../terminal/usage-errors.ts';
import { io } from './io.ts';
import { addInputOptions } from './options.ts';
import { collect } from './output.ts';

export function addCapture(program: Command): void {
  addInputOptions(
    withUsageErrors(program.command('capture').argument('<folder>').argument('[namespace/name[:port]...]')),
  )
    .summary('make a small test case of an incident')
    .description(
      'Writes a folder with the fewest objects, and the smallest part of a dump, that still show the first difference ' +
        'which verify finds. Without a dump, or where nothing differs, it writes the objects that the rules of the named ' +
        'Services come from. The folder is a case of slicewright test. Without --live it needs no kernel and no root.\n' +
        'Exit status: 0 written, 1 nothing to capture or it cannot be read or written, 2 usage.',
    )
    .addOption(
      new Option(
        '--against <path>',
        "a dump of a node's rules, or the files of compile --out, in the form that verify reads; repeatable",
      )
        .argParser(collect)
        .default([], 'no dump'),
    )
    .addOption(new Option('--live', "capture from this node's kernel; needs CAP_NET_ADMIN").conflicts('against'))
    .option('-n, --namespace <namespace>', 'only what Services of this namespace get')
    .option('-l, --selector <selector>', "only Services with such labels: 'app=cart'")
    .addOption(
      new Option(
        '--scramble [seed]',
        'replace all names and addresses; a seed always gives the same replacements, so keep it secret; without a seed they are random',
      ).argParser((text) => {
        if (/^[A-Za-z0-9._-]{1,100}$/.test(text)) return text;
        throw new InvalidArgumentError('write --scramble=SEED, with letters and digits.');
      }),
    )
    .addHelpText(
      'after',
      `
Examples:
  slicewright capture cases/incident-1 -f manifests/ --config kube-proxy.yaml --against node.iptables-save
  slicewright capture cases/incident-1 -f manifests/ --config kube-proxy.yaml --live
  slicewright capture cases/incident-1 -f manifests/ --against node.iptables-save --scramble
  slicewright capture cases/cart shop/cart -f manifests/ --node node.yaml`,
    )
    .action(async (folder: string, services: readonly string[], options) => {
      const scramble = options.scramble === true ? { scramble: (await import('node:crypto')).randomUUID() } : {};
      const [{ captureCommand }, { hostRun }, { thisHost }] = await Promise.all([
        import('../commands/capture.ts'),
        import('../../backends/run.ts'),
        import('../node/host.ts'),
      ]);
      process.exitCode = await captureCommand(folder, { ...options, ...scramble, services }, io, hostRun(), thisHost());
    });
}
