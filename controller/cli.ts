import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Io } from '../agent/terminal/io.ts';

/*
 * The controller's part of the command line: names, options and help texts. What a command does is imported when it is
 * called.
 */

/** What the command line of the project lends. */
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
      'karmada: users write ServiceImports, each gets Service derived-NAME; mcs: ServiceImports are made from exports; the default is karmada with a hub, else mcs',
    ).choices(['karmada', 'mcs']),
    new Option(
      '--clusterset-ip-range <cidr>',
      'with mcs: imports get addresses of this range instead of derived Services; one for each family; repeatable',
    )
      .argParser(collect)
      .default([], 'none'),
    new Option('--registry <path>', 'the cluster registry: clusterset IPs must lie outside the ranges of its clusters'),
    new Option('--cluster-labels <name:key=value,...>', "a cluster's labels, by which policies select it; repeatable")
      .argParser(collect)
      .default([], 'none'),
    new Option('--create-namespaces', 'make namespaces that clusters lack'),
    new Option('--keep-node-names', 'leave node names in copies of slices'),
    new Option('--keep-external-ips', 'leave externalIPs in Services that are sent to clusters'),
  ];
}

export function addController(program: Command, helpers: Helpers): void {
  const { io, withUsageErrors, addressOption, addOutput, collect, parseVerbosity, defaultNamespace } = helpers;
  const controller = withUsageErrors(program.command('controller'))
    .summary('spread Services over clusters: exports, imports, slices, policies')
    .description(
      'Reads MultiClusterServices, ServiceExports, ServiceImports and propagation policies from a hub, or from the ' +
        'clusters themselves, and writes Services and EndpointSlices into the clusters that they are for. Objects that ' +
        'it did not make stay as they are.\n' +
        'Exit status: 0 stopped when asked to, 1 could not start, 2 usage; with ' +
        '--dry-run: 0 nothing to write, 2 changes, 1 not everything was read before it was stopped.',
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
        'the uid that the namespace kube-system of a cluster must have, also where another was seen before; repeatable',
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
    .option('--identity <name>', 'who it is in Leases; the default is the host and process')
    .addOption(
      new Option('--concurrency <number>', 'writes to one cluster at a time').argParser(parseConcurrency).default(8),
    )
    .option('--listen-address <address>', 'serve /metrics, /livez, /readyz and the status there', '127.0.0.1:10266')
    .option('--dry-run', 'read everything, print what would be written where, and end')
    .addOption(new Option('-v, --v <level>', 'from 4 on more is logged').argParser(parseVerbosity));
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
    .summary('ask a controller how it stands')
    .description(
      'Who leads, which clusters are read, what is held back, and what cannot be written.\n' +
        'Exit status: 0 all is well, 1 something is not as it should be, or no controller answers, 2 usage.',
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
    .summary('say from files what the controller would write into which cluster')
    .description(
      'Reads what users wrote into the hub (-f) and what each cluster has, and prints what the controller would ' +
        'write. Needs no cluster.\nExit status: 0 nothing to write, 2 changes, 1 no plan. A usage error is 2 as everywhere, and prints no plan.',
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
      // -f and --cluster are options of plan too, which takes them first.
      process.exitCode = await planMultiClusterCommand(self.optsWithGlobals(), io);
    });
}

function parseConcurrency(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 256)
    throw new InvalidArgumentError('It is not a whole number from 1 to 256.');
  return number;
}
