import { type Command, Option } from 'commander';
import { configurationOptions, defaultLeaseNamespace, parseVerbosity, switchOption } from '../commands/agent/flags.ts';
import { idleOptions } from '../commands/agent/idle-flags.ts';
import { portOptions } from '../commands/agent/port-flags.ts';
import { lockDirOption, thresholdOption } from '../commands/writer-flags.ts';
import { withUsageErrors } from '../terminal/usage-errors.ts';
import manifest from '../../package.json' with { type: 'json' };
import { io } from './io.ts';
import { addProxyOptions, collect, diagnosticsChoice } from './options.ts';

export function addAgent(program: Command): void {
  const agent = withUsageErrors(program.command('agent'))
    .summary("keep this node's kernel as the objects want it, until stopped")
    .description(
      'Follows Services and EndpointSlices of one cluster or of many and keeps the rules of this node true. Takes ' +
        "kube-proxy's configuration file, or its flags, of which those without a use here are taken with a " +
        'warning. Rules stay when it stops.\n' +
        'Exit status: 0 stopped when asked to, 1 could not start or the configuration file changed, 2 usage.',
    )
    .option('--config <path>', 'a kube-proxy configuration file; beside it only --hostname-override counts')
    .option('--source <dir>', "a folder of manifests in place of the own cluster's API server, watched for changes")
    .addOption(
      new Option('--cluster <name=from>', 'a further cluster: NAME=KUBECONFIG[,CONTEXT] or NAME=FOLDER; repeatable')
        .argParser(collect)
        .default([], 'none'),
    )
    .option('--registry <path>', 'the cluster registry: ranges, weights, zones and policies of clusters')
    .option(
      '--lease-namespace <namespace>',
      'where Leases of registered clusters are, named after them; empty: none counts',
      defaultLeaseNamespace,
    )
    .option(
      '--source-limits <name=number,…>',
      'how much each cluster may hold here before nothing more is taken from it: objects, endpoints, bytes, pages',
    )
    .addOption(
      switchOption('other-nodes', "read the own cluster's other Nodes: whose an address is, and which pods are ours"),
    )
    .option('--take-over', "replace another program's rules for Services in place, kube-proxy's say; stop it first")
    .addOption(switchOption('cleanup', 'remove all of ours from this node, and exit'))
    .option('--allow-mass-removal', 'with --source: take away at the start whatever the folder lacks')
    .addOption(thresholdOption())
    .option('--force', 'with --cleanup: even where an agent works on this node')
    .addOption(lockDirOption())
    .addOption(switchOption('init-only', 'do what needs more than NET_ADMIN (modules, sysctls), and exit'))
    .option('--write-config-to <path>', 'write the effective configuration to a file, and exit')
    .addOption(switchOption('version', 'print the version, and exit'))
    .option('--dry-run', 'print each plan instead of applying it; needs no privilege')
    .addOption(
      new Option(
        '--against <path>',
        'with --dry-run: plan from what the tools printed, as plan does, instead of the kernel; repeatable',
      )
        .argParser(collect)
        .default([], 'the kernel'),
    )
    .option('--scrape-address <address>', 'serve /metrics there too, and nothing else; port 10249 unless it has one')
    .addOption(
      switchOption(
        'serve-report',
        'serve a page of Services, traffic and rules at /slicewright/report, beside the metrics',
      ),
    )
    .option('--master <url>', "the API server's address, over that of the kubeconfig")
    .addOption(new Option('-v, --v <level>', 'from 4 on more is logged').argParser(parseVerbosity))
    .addOption(diagnosticsChoice('how the log and diagnostics are written; without it the log is JSON'));
  addProxyOptions(agent);
  for (const option of [...configurationOptions(), ...portOptions(), ...idleOptions()]) agent.addOption(option);
  agent
    .addHelpText(
      'after',
      `
Examples:
  slicewright agent --config /var/lib/kube-proxy/config.conf --hostname-override $NODE_NAME
  slicewright agent --kubeconfig ~/.kube/config --cluster west=west.kubeconfig --cluster-cidr 10.1.0.0/16
  slicewright agent --config config.conf --service-proxy-name slicewright --metrics-bind-address 127.0.0.1:10259
  slicewright agent --source manifests/ --dry-run`,
    )
    .action(async (given) => {
      if (given.version === true) return io.out(`${manifest.version}\n`);
      const { keepHeapSmall } = await import('../node/memory.ts');
      keepHeapSmall();
      const [{ agentCommand }, { hostRun }, { thisHost }, { stopSignal }] = await Promise.all([
        import('../commands/agent.ts'),
        import('../../backends/run.ts'),
        import('../node/host.ts'),
        import('../terminal/stop-signal.ts'),
      ]);
      process.exitCode = await agentCommand({ ...given, flags: given }, io, hostRun(), thisHost(), stopSignal());
    });
}
