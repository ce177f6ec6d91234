import { type Command, Option } from 'commander';
import { configurationOptions, defaultLeaseNamespace, parseVerbosity, switchOption } from '../commands/agent/flags.ts';
import { idleOptions } from '../commands/agent/idle-flags.ts';
import { portOptions } from '../commands/agent/port-flags.ts';
import { lockDirOption, thresholdOption } from '../commands/writer-flags.ts';
import { withUsageErrors } from '../terminal/usage-errors.ts';
import manifest from '../../package.json' with { type: 'json' };
import { io } from './io.ts';
import { addProxyOptions, diagnosticsChoice } from './options.ts';
import { collect } from './output.ts';

export function addAgent(program: Command): void {
  const agent = withUsageErrors(program.command('agent'))
    .summary("keep this node's kernel in line with the objects, until stopped")
    .description(
      'Follows the Services and EndpointSlices of one or more clusters and keeps the rules of this node up to date. Accepts ' +
        "kube-proxy's configuration file, or its flags; warns about flags that have no effect here. The rules stay in " +
        'force after it exits.\n' +
        'Exit status: 0 stopped when asked to, 1 could not start or the configuration file changed, 2 usage.',
    )
    .option('--config <path>', 'a kube-proxy configuration file; with it, only --hostname-override is still read')
    .option('--source <dir>', "a folder of manifests instead of the local cluster's API server, watched for changes")
    .addOption(
      new Option('--cluster <name=from>', 'a further cluster: NAME=KUBECONFIG[,CONTEXT] or NAME=FOLDER; repeatable')
        .argParser(collect)
        .default([], 'none'),
    )
    .option('--registry <path>', 'the cluster registry: ranges, weights, zones and policies of clusters')
    .option(
      '--lease-namespace <namespace>',
      'the namespace of the Leases of registered clusters, each named after its cluster; empty: Leases are not used',
      defaultLeaseNamespace,
    )
    .option(
      '--source-limits <name=number,…>',
      'limits for each cluster, beyond which the agent reads nothing more from it: objects, endpoints, bytes, pages',
    )
    .addOption(
      switchOption(
        'other-nodes',
        "read the local cluster's other Nodes, to know which node has an address and which pods are local",
      ),
    )
    .option(
      '--take-over',
      "replace another program's (such as kube-proxy's) rules for Services in place; stop that program first",
    )
    .addOption(switchOption('cleanup', "remove slicewright's rules from this node, and exit"))
    .option('--allow-mass-removal', 'with --source: at the start, remove every Service that the folder lacks')
    .addOption(thresholdOption())
    .option('--force', 'with --cleanup: go on although an agent runs on this node')
    .addOption(lockDirOption())
    .addOption(switchOption('init-only', 'load modules and set sysctls, which needs more than NET_ADMIN, and exit'))
    .option('--write-config-to <path>', 'write the effective configuration to a file, and exit')
    .addOption(switchOption('version', 'print the version, and exit'))
    .option('--dry-run', 'print each plan instead of applying it; needs no privilege')
    .addOption(
      new Option(
        '--against <path>',
        'with --dry-run: plan from a dump, as plan does, instead of the kernel; repeatable',
      )
        .argParser(collect)
        .default([], 'the kernel'),
    )
    .option(
      '--scrape-address <address>',
      'serve /metrics, and nothing else, at this address too; the default port is 10249',
    )
    .addOption(
      switchOption(
        'serve-report',
        'serve a page of Services, traffic and rules at /slicewright/report, beside the metrics',
      ),
    )
    .option('--master <url>', "the API server's address; overrides the kubeconfig")
    .addOption(new Option('-v, --v <level>', '4 or higher logs more').argParser(parseVerbosity))
    .addOption(diagnosticsChoice('format of the log and of diagnostics; the default for the log is json'));
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
      const [{ keepHeapSmall }, { keepCodeCheap }] = await Promise.all([
        import('../node/memory.ts'),
        import('../node/compiled-code.ts'),
      ]);
      keepHeapSmall();
      keepCodeCheap();
      const [{ agentCommand }, { hostRun }, { thisHost }, { stopSignal }] = await Promise.all([
        import('../commands/agent.ts'),
        import('../../backends/run.ts'),
        import('../node/host.ts'),
        import('../terminal/stop-signal.ts'),
      ]);
      process.exitCode = await agentCommand({ ...given, flags: given }, io, hostRun(), thisHost(), stopSignal());
    });
}
