import { type Command, Option } from 'commander';
import { backendNames } from '../../backends/index.ts';
import { withUsageErrors } from '../terminal/usage-errors.ts';
import { io } from './io.ts';
import { addInputOptions, addOutput, collect } from './options.ts';

export function addAudit(program: Command): void {
  const audit = addInputOptions(withUsageErrors(program.command('audit').argument('[namespace/name[:port]...]')))
    .summary('say for each Service whether a kube-proxy does what its objects mean')
    .description(
      'Compares what a node does with packets with what the objects mean, whoever wrote its rules, in any mode: the mode is ' +
        'found in the dump or the kernel, --backend names it where that cannot be told. Reads, and changes nothing; ' +
        'dumps take no privilege.\n' +
        'Exit status: 0 nothing is wrong, 3 something is, 1 something is unknown or it could not be told, 2 usage.',
    )
    .option('-n, --namespace <namespace>', 'only Services of this namespace')
    .option('-l, --selector <selector>', "only Services with such labels: 'app=cart,tier in (a,b)'")
    .option('--live', "look at what this node's kernel holds; takes CAP_NET_ADMIN")
    .addOption(
      new Option('--against <path>', 'look at what the tools printed of a node, as plan takes it; repeatable')
        .argParser(collect)
        .conflicts('live'),
    )
    .addOption(
      new Option('--to <mode>', 'say also what would be different under slicewright in this mode').choices(
        backendNames(),
      ),
    )
    .addHelpText(
      'after',
      `
Examples:
  slicewright audit -f manifests/ --config kube-proxy.yaml --live
  slicewright audit -f manifests/ --node node.yaml --against node.iptables-save shop/cart
  slicewright audit -f manifests/ --node node.yaml --against node.iptables-save --to nftables`,
    );
  addOutput(audit, ['text', 'wide', 'json', 'yaml', 'name'], 'text').action(
    async (targets: readonly string[], options, command: Command) => {
      if (options.live !== true && options.against === undefined) {
        command.error('error: give --live or --against: what is audited is what some node holds');
      }
      const [{ auditCommand }, { hostRun }, { thisHost }] = await Promise.all([
        import('../commands/audit.ts'),
        import('../../backends/run.ts'),
        import('../node/host.ts'),
      ]);
      process.exitCode = await auditCommand(targets, { against: [], ...options }, io, hostRun(), thisHost());
    },
  );
}
