import { type Command, Option } from 'commander';
import { backendNames } from '../../backends/index.ts';
import { withUsageErrors } from '../terminal/usage-errors.ts';
import { io } from './io.ts';
import { addInputOptions } from './options.ts';
import { addOutput, collect } from './output.ts';
import { selectorOption } from './selector.ts';

export function addAudit(program: Command): void {
  const audit = addInputOptions(withUsageErrors(program.command('audit').argument('[namespace/name[:port]...]')))
    .summary('check for each Service whether a kube-proxy does what the objects specify')
    .description(
      'Compares what a node does with packets and what the objects specify, whoever wrote the rules, in any mode. Audit finds ' +
        'the mode in the dump or the kernel; name it with --backend if that fails. Reads, and changes nothing; ' +
        'dumps take no privilege.\n' +
        'Exit status: 0 nothing is wrong, 3 something is wrong, 1 the audit is incomplete or failed, 2 usage.',
    )
    .option('-n, --namespace <namespace>', 'only Services of this namespace')
    .addOption(selectorOption())
    .option('--live', "audit this node's kernel; needs CAP_NET_ADMIN")
    .addOption(
      new Option('--against <path>', "audit a dump of a node's rules, in the form that plan reads; repeatable")
        .argParser(collect)
        .conflicts('live'),
    )
    .addOption(
      new Option('--to <mode>', 'also show what would change with slicewright in this mode').choices(backendNames()),
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
        command.error("error: give --live or --against: audit needs a node's rules");
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
