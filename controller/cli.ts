import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Io } from '../agent/terminal/io.ts';

/*
 * The controller's part of the command line: names, options and help texts. A command's implementation is imported when the
 * command is called.
 */

/** What the project's command line provides. */
interface Helpers {
  readonly io: Io;
  readonly withUsageErrors: (command: Command) => Command;
  readonly addressOption: (text: string, usual: string) => Option;
  readonly addOutput: (command: Command, choices: readonly string[], theDefault: string) => Command;
  readonly collect: (value: string, previous: readonly string[] | undefined) => readonly string[];
  readonly parseVerbosity: (text: string) => number;
  readonly defaultNamespace: string;
}

function settingOptions({ collect }: Pick<Helpers, 'collect'>): Option[] {
  return [
    new Option(
      '--import-style <style>',
      'karmada: users write ServiceImports, and each gets a Service derived-NAME; mcs: the controller makes ServiceImports from exports; the default is karmada with a hub, else mcs',
    ).choices(['karmada', 'mcs']),
    new Option(
      '--clusterset-ip-range <cidr>',
      'with mcs: imports get addresses from this range instead of derived Services; one range for each family; repeatable',
    )
      .argParser(collect)
      .default([], 'none'),
    new Option('--registry <path>', 'the cluster registry: clusterset IPs must lie outside the ranges of its clusters'),
    new Option('--cluster-labels <name:key=value,...>', "a cluster's labels, by which policies select it; repeatable")
      .argParser(collect)
      .default([], 'none'),
    new Option('--create-namespaces', 'create namespaces that clusters lack'),
    new Option('--keep-node-names', 'keep node names in copies of slices'),
    new Option('--keep-external-ips', 'keep externalIPs in Services that are copied to clusters'),
  ];
}

export function addController(program: Command, helpers: Helpers): void {
  const { io, withUsageErrors, addressOption, addOutput, collect, parseVerbosity, defaultNamespace } = helpers;
  const controller = withUsageErrors(program.command('controller'))
    .summary('spread Services over clusters: exports, imports, slices, policies')
    .description(
      'Reads MultiClusterServices, ServiceExports, ServiceImports and propagation policies from a hub, or from the ' +
        'clusters themselves, and writes Services and EndpointSlices into the target clusters. It does not change objects ' +
        'that it did not make.\n' +
        'Exit status: 0 stopped when asked to, 1 could not start, 2 usage; with ' +
        '--dry-run: 0 nothing to write, 2 changes, 1 stopped before everything was read.',
    )
    .addOption(
      new Option(
        '--cluster <name=from>',
        'a cluster: NAME=KUBECONFIG[,CONTEXT], NAME=in-cluster, or NAME=FOLDER of manifests that it offers; repeatable',
      )
        .argParser(collect)
        .default([], 'none'),
    )
    .addOption(
      new Option(
        '--cluster-uid <name=uid>',
        'the expected uid of the namespace kube-system of a cluster, overriding the uid seen before; repeatable',
      )
        .argParser(collect)
        .default([], 'none'),
    )
    .option(
      '--hub <from>',
      'where users write: KUBECONFIG[,CONTEXT] or in-cluster; without it, the clusters themselves',
    )
    .option(
      '--cluster-secrets',
      'further clusters from Secrets with label slicewright.dev/cluster=NAME and key kubeconfig',
    )
    .option('--namespace <namespace>', "where the controller's Leases and Secrets are", defaultNamespace)
    .option('--identity <name>', 'the holder identity in Leases; the default is the host and process')
    .addOption(
      new Option('--concurrency <number>', 'maximum of concurrent writes to one cluster')
        .argParser(parseConcurrency)
        .default(8),
    )
    .option(
      '--listen-address <address>',
      'serve /metrics, /livez, /readyz and the status at this address',
      '127.0.0.1:10266',
    )
    .option('--dry-run', 'read everything, print what would be written where, and exit')
    .addOption(new Option('-v, --v <level>', '4 or higher logs more').argParser(parseVerbosity));
  for (const option of settingOptions({ collect })) controller.addOption(option);
  controller
    .addHelpText(
      'after',
      `
Examples:
  slicewright controller --hub hub.kubeconfig --cluster member1=m1.kubeconfig --cluster member2=m2.kubeconfig
  slicewright controller --cluster east=all.kubeconfig,east --cluster west=all.kubeconfig,west --dry-run
  slicewright controller status`,
    )
    .action(async (options) => {
      const [{ controllerCommand }, { stopSignal }] = await Promise.all([
        import('./commands/controller.ts'),
        import('../agent/terminal/stop-signal.ts'),
      ]);
      process.exitCode = await controllerCommand(options, io, stopSignal());
    });
  const status = withUsageErrors(controller.command('status'))
    .summary('show the state of a controller')
    .description(
      'Shows the leader, the clusters that are read, and the objects that are held back or cannot be written.\n' +
        'Exit status: 0 all is well, 1 something is wrong or no controller answers, 2 usage.',
    )
    .addOption(addressOption("where the controller's metrics are served", '127.0.0.1:10266'));
  addOutput(status, ['text', 'json', 'yaml'], 'text')
    .addHelpText('after', '\nExample:\n  slicewright controller status -o json')
    .action(async (options) => {
      const { controllerStatusCommand } = await import('./commands/status.ts');
      process.exitCode = await controllerStatusCommand(options, io);
    });
}

export function addPlanMultiCluster(plan: Command, { io, withUsageErrors, collect }: Helpers): void {
  const command = withUsageErrors(plan.command('multicluster'))
    .summary('show from files what the controller would write into each cluster')
    .description(
      'Reads the objects of the hub (-f) and of each cluster, and prints what the controller would ' +
        'write. Needs no cluster.\nExit status: 0 nothing to write, 2 changes, 1 no plan. A usage error also exits with 2, and prints no plan.',
    )
    .addOption(new Option('-f, --filename <path>', "the hub's objects; repeatable").argParser(collect))
    .addOption(
      new Option(
        '--cluster <name=path>',
        "a cluster's objects: Services, slices, exports, imports; repeatable",
      ).argParser(collect),
    );
  for (const option of settingOptions({ collect })) command.addOption(option);
  command
    .addHelpText(
      'after',
      `
Example:
  slicewright plan multicluster -f hub/ --cluster member1=m1.yaml --cluster member2=m2.yaml`,
    )
    .action(async (_options, self: Command) => {
      const { planMultiClusterCommand } = await import('./commands/plan.ts');
      // plan has -f and --cluster as well, and parses them first.
      process.exitCode = await planMultiClusterCommand(self.optsWithGlobals(), io);
    });
}

function parseConcurrency(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 256)
    throw new InvalidArgumentError('It is not a whole number from 1 to 256.');
  return number;
}
