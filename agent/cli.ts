import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { Shell } from './commands/completion.ts';
import {
  configurationOptions,
  defaultLeaseNamespace,
  parseVerbosity,
  switchOption,
  withHyphens,
} from './commands/agent/flags.ts';
import { addController, addPlanMultiCluster } from '../controller/cli.ts';
import { idleOptions } from './commands/agent/idle-flags.ts';
import { portOptions } from './commands/agent/port-flags.ts';
import { backendNames } from '../backends/index.ts';
import { addDangerOptions, lockDirOption, thresholdOption } from './commands/writer-flags.ts';
import { processIo } from './terminal/io.ts';
import { addressOption, withUsageErrors } from './terminal/usage-errors.ts';
import manifest from '../package.json' with { type: 'json' };

/*
 * The command line. It knows names, options and help texts; what a command does is imported when
 * the command is called, so that each starts with no more than it needs.
 */

const io = processIo();

function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

/** As `plan --out` prints it, or as other tools write it. */
function parseDigest(value: string): string {
  const digest = value.replace(/^sha256:/, '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digest)) return digest;
  throw new InvalidArgumentError('It is no sha-256 in hexadecimal.');
}

function filenameOption(): Option {
  const text = 'manifests: a YAML or JSON file, a directory (recursive), or - for standard input; repeatable';
  return new Option('-f, --filename <path>', text).argParser(collect);
}

function diagnosticsOption(): Option {
  return diagnosticsChoice('how diagnostics are written to standard error').default('human');
}

function diagnosticsChoice(text: string): Option {
  return new Option('--diagnostics <format>', text).choices(['human', 'json']);
}

/** Options of every command that has to do with what is ours in a kernel, or with what would be. */
function addProxyOptions(command: Command): Command {
  return command
    .option(
      '--service-proxy-name <name>',
      'only Services with this service.kubernetes.io/service-proxy-name, under chains of our own: beside a kube-proxy',
    )
    .option(
      '--chain-prefix <prefix>',
      'begins the names of those chains, sets and the link: 2 to 5 upper-case letters and digits; SLWR unless given',
    );
}

/** Options of every command that compiles. */
function addInputOptions(command: Command, filename = filenameOption().makeOptionMandatory()): Command {
  return addProxyOptions(command)
    .addOption(filename)
    .option('--node <path>', 'the Node that is compiled for: name, addresses, zone, pod ranges')
    .option('--config <path>', 'a kube-proxy configuration file; its hostnameOverride names the node')
    .addOption(
      new Option(
        '--cluster <name=path>',
        "another cluster's own objects; what it exports counts where something here accepts it; repeatable",
      ).argParser(collect),
    )
    .option('--registry <path>', 'what is known of the clusters: ranges, zones, weights, whether they are alive')
    .addOption(
      new Option('--backend <name>', "what to compile to; the default is the configuration's mode").choices(
        backendNames(),
      ),
    )
    .addOption(
      new Option('--compat <with>', 'kube-proxy v1.30 to the letter, every deliberate deviation off').choices([
        'kube-proxy',
      ]),
    )
    .addOption(diagnosticsOption())
    .option('--strict', 'warnings and errors about objects make the command fail');
}

function addCompile(program: Command): void {
  addInputOptions(withUsageErrors(program.command('compile')))
    .summary('print the rules that a node gets; needs no kernel, no root, no cluster')
    .description(
      'Compiles Services and EndpointSlices into the rules of one node and prints them.\n' +
        'Exit status: 0 compiled, 1 could not, 2 usage.',
    )
    .addOption(
      new Option(
        '--family <family>',
        'only this one; the default is every family that the node or a Service has',
      ).choices(['ipv4', 'ipv6']),
    )
    .option(
      '--out <dir>',
      'write files there, in the formats of the tools that load them, instead of standard output, and name them',
    )
    .addHelpText(
      'after',
      `
Examples:
  kubectl get svc,endpointslice -A -o yaml | slicewright compile -f - --node node.yaml
  slicewright compile -f manifests/ --config kube-proxy.yaml --out rules/
  slicewright compile -f shop.yaml --family ipv4 | iptables-restore --noflush`,
    )
    .action(async (options) => {
      const { compileCommand } = await import('./commands/compile.ts');
      process.exitCode = await compileCommand(options, io);
    });
}

function addPlan(program: Command): void {
  const plan = addInputOptions(withUsageErrors(program.command('plan')));
  addPlanMultiCluster(plan, controllerHelpers);
  plan
    .summary('say what would change on this node, for traffic and in rules')
    .description(
      'Compares what is in force with what the objects want: what changes for each Service, what is ' +
        'dangerous about it, which rules differ, and what it costs. Changes nothing.\n' +
        'Exit status: 0 nothing to do, 2 changes, 1 no plan, 3 a danger of --fail-on-danger. A usage error is 2 as ' +
        'everywhere, and prints no plan.',
    )
    .addOption(
      new Option(
        '--against <path>',
        'plan from what the tools printed of a node, or from the files of compile --out, instead of the kernel: needs no privilege; a file or a folder, as the backend has one or many; repeatable',
      )
        .argParser(collect)
        .default([], 'the kernel'),
    )
    .addOption(new Option('--format <format>', 'how the plan is written').choices(['text', 'json']).default('text'))
    .option('--out <file>', 'save the plan too, for apply --plan')
    .option('--verbose', 'whole sentences, what becomes of each kind of client, and every danger');
  addDangerOptions(plan)
    .addHelpText(
      'after',
      `
Examples:
  slicewright plan -f manifests/ --config kube-proxy.yaml
  ssh node iptables-save > node.iptables-save
  slicewright plan -f manifests/ --node node.yaml --against node.iptables-save`,
    )
    .action(async (options) => {
      const [{ planCommand }, { hostRun }, { thisHost }] = await Promise.all([
        import('./commands/plan.ts'),
        import('../backends/run.ts'),
        import('./node/host.ts'),
      ]);
      process.exitCode = await planCommand(options, io, hostRun(), thisHost());
    });
}

function addApply(program: Command): void {
  const apply = addInputOptions(withUsageErrors(program.command('apply')), filenameOption().conflicts('plan'));
  addDangerOptions(apply)
    .summary("make this node's kernel hold what the objects want")
    .description(
      'Plans and applies, or applies a saved plan, and reads back what is in force. Each packet has its old ' +
        'fate or its new one at every moment, also where the backend is another one than before. A Service that ' +
        'the kernel refuses is left as it was and named; the others are applied.\nExit status: 0 applied, 1 not, or not for every Service, 2 usage, 3 a danger of --fail-on-danger.',
    )
    .option('--plan <file>', 'a plan that plan --out saved; refused if it or the rules have changed since')
    .addOption(
      new Option('--plan-digest <sha256>', 'refuse a plan with another digest than plan --out printed')
        .argParser(parseDigest)
        .conflicts('filename'),
    )
    .option('--take-over', "replace another program's rules for Services in place, kube-proxy's say; stop it first")
    .option('--allow-empty', 'apply even where no object was read, which removes every Service')
    .option('--yes', 'ask nobody; without it, at a terminal, the plan is shown and only "yes" goes on')
    .option('--allow-mass-removal', 'apply even where more Services go than --mass-removal-threshold says')
    .option('--force', 'apply even where an agent works on this node, which puts its own rules back')
    .addOption(lockDirOption())
    .addHelpText(
      'after',
      `
Examples:
  slicewright apply -f manifests/ --config kube-proxy.yaml
  slicewright plan -f manifests/ --out plan.json && slicewright apply --plan plan.json`,
    )
    .action(async (options, command: Command) => {
      if (options.filename === undefined && options.plan === undefined) {
        command.error("error: one of '-f, --filename <path>' and '--plan <file>' must be given");
      }
      if (options.planDigest !== undefined && options.plan === undefined) {
        command.error("error: option '--plan-digest <sha256>' needs '--plan <file>'");
      }
      const [{ applyCommand }, { hostRun }, { thisHost }] = await Promise.all([
        import('./commands/apply.ts'),
        import('../backends/run.ts'),
        import('./node/host.ts'),
      ]);
      process.exitCode = await applyCommand({ filename: [], ...options }, io, hostRun(), thisHost());
    });
}

function addCleanup(program: Command): void {
  addProxyOptions(withUsageErrors(program.command('cleanup')))
    .summary('remove everything of ours from this node')
    .description(
      'Removes all that apply has made, and nothing else, of every backend and in both families: rules, chains, ' +
        'virtual servers, sets, addresses.\n' +
        'Exit status: 0 nothing of ours is left, 1 something is, 2 usage.',
    )
    .option('--take-over', "remove another program's rules for Services too, kube-proxy's say; stop it first")
    .option('--force', 'clean up even where an agent works on this node, which puts its own rules back')
    .addOption(lockDirOption())
    .addOption(diagnosticsOption())
    .addHelpText(
      'after',
      '\nExamples:\n  slicewright cleanup\n  slicewright cleanup --take-over\n  slicewright cleanup --service-proxy-name slicewright',
    )
    .action(async (options) => {
      const [{ cleanupCommand }, { hostRun }] = await Promise.all([
        import('./commands/cleanup.ts'),
        import('../backends/run.ts'),
      ]);
      process.exitCode = await cleanupCommand(options, io, hostRun());
    });
}

function addVerify(program: Command): void {
  addInputOptions(withUsageErrors(program.command('verify')))
    .summary('try the program on every kind of packet, without a kernel')
    .description(
      'Follows every probe packet through the program that compile prints and compares what becomes of it ' +
        'with what the Services say. A difference is a mistake in slicewright.\n' +
        'With --live or --against it looks at what a node holds instead, whoever wrote it: every kind of packet that ' +
        "either side's rules tell apart is followed through both.\n" +
        'Exit status: 0 all agree, 1 some do not or nothing could be compiled, 2 usage; with --live or --against: ' +
        '0 equal, 3 different, 1 that cannot be told.',
    )
    .option('--live', "compare what this node's kernel holds; takes CAP_NET_ADMIN")
    .addOption(
      new Option(
        '--against <path>',
        'compare what the tools printed of a node, or the files of compile --out, as plan takes them; repeatable',
      )
        .argParser(collect)
        .conflicts('live'),
    )
    .addOption(
      new Option('--format <format>', 'how it is written, with --live or --against')
        .choices(['text', 'json'])
        .default('text'),
    )
    .option('--verbose', 'with --live or --against: every difference, and all rules that its packets met')
    .addHelpText(
      'after',
      `
Examples:
  slicewright verify -f manifests/ --node node.yaml --backend ipvs
  slicewright verify -f manifests/ --config kube-proxy.yaml --live
  slicewright verify -f manifests/ --node node.yaml --against node.iptables-save`,
    )
    .action(async (options) => {
      if (options.live === true || options.against !== undefined) {
        const [{ verifyFoundCommand }, { hostRun }, { thisHost }] = await Promise.all([
          import('./commands/verify-found.ts'),
          import('../backends/run.ts'),
          import('./node/host.ts'),
        ]);
        process.exitCode = await verifyFoundCommand({ against: [], ...options }, io, hostRun(), thisHost());
        return;
      }
      const { verifyCommand } = await import('./commands/verify.ts');
      process.exitCode = await verifyCommand(options, io);
    });
}

function addExplain(program: Command): void {
  const explain = withUsageErrors(program.command('explain'))
    .summary('say why something is as it is')
    .description('Says what becomes of one packet, or what each endpoint of a Service gets, and why.')
    .addHelpText(
      'after',
      `
Examples:
  slicewright explain packet 'pod 10.1.0.9 -> 10.96.0.10:80/tcp' -f manifests/ --node node.yaml
  slicewright explain service shop/cart -f manifests/`,
    );
  addInputOptions(withUsageErrors(explain.command('packet').argument('<packet>')))
    .summary('follow one packet through the rules, without a kernel')
    .description(
      "Says what becomes of a connection's first packet, in the program that compile prints, and by which rules.\n" +
        'Exit status: 0 told, 1 nothing could be compiled, 2 usage.',
    )
    .addHelpText(
      'after',
      `
A packet is one of:
  pod ADDRESS -> ADDRESS:PORT/tcp        from a pod of this node
  outside ADDRESS -> ADDRESS:PORT/udp    from another machine
  node ADDRESS -> ADDRESS:PORT/sctp      from a process of this node
  on INTERFACE ADDRESS -> …              from that interface

Example:
  slicewright explain packet 'pod 10.1.0.9 -> 10.96.0.10:80/tcp' -f manifests/ --node node.yaml`,
    )
    .action(async (packet: string, options, command: Command) => {
      const { explainPacketCommand } = await import('./commands/explain-packet.ts');
      const status = await explainPacketCommand(packet, options, io);
      if (status === undefined) command.error(`error: '${packet}' is not a packet; --help shows their form`);
      else process.exitCode = status;
    });
  addInputOptions(withUsageErrors(explain.command('service').argument('<namespace/name[:port]>')))
    .summary('say of every endpoint of a Service what it gets of new connections, and why')
    .description(
      'Lists every endpoint that is known for a Service or ServiceImport, used or not: its cluster, state, exact share\n' +
        'and the rules that decided. Exit status: 0 told, 1 no such Service is served here, 2 usage.',
    )
    .option('--without-cluster <name>', 'show beside it what would be if that cluster were lost')
    .addOption(new Option('--format <format>', 'how it is written').choices(['text', 'json']).default('text'))
    .addHelpText(
      'after',
      '\nExample:\n  slicewright explain service shop/cart:http -f manifests/ --registry clusters.yaml --without-cluster east',
    )
    .action(async (target: string, options, command: Command) => {
      const { explainServiceCommand } = await import('./commands/explain-service.ts');
      const status = await explainServiceCommand(target, options, io);
      if (status === undefined) command.error(`error: '${target}' is not NAMESPACE/NAME or NAMESPACE/NAME:PORT`);
      else process.exitCode = status;
    });
}

function addGraph(program: Command): void {
  addInputOptions(withUsageErrors(program.command('graph').argument('[namespace/name[:port]...]')))
    .summary('draw the way of traffic through Services, with exact shares')
    .description(
      'Draws the addresses that clients dial, the Service ports behind them, clusters and endpoints, and what part of ' +
        'new connections each gets. Needs no kernel, no root, no cluster.\n' +
        'Exit status: 0 drawn, 1 no such Service is served here, 2 usage.',
    )
    .option('-n, --namespace <namespace>', 'only Services of this namespace')
    .option('-l, --selector <selector>', "only Services with such labels: 'app=cart,tier in (a,b)'")
    .addOption(
      new Option('--format <format>', 'how the picture is written')
        .choices(['mermaid', 'dot', 'svg', 'json'])
        .default('mermaid'),
    )
    .addOption(
      new Option('--endpoints <number>', 'endpoints of one cluster that are drawn one by one; JSON has all of them')
        .argParser(parseCount)
        .default(10),
    )
    .addHelpText(
      'after',
      `
Examples:
  slicewright graph shop/cart -f manifests/ --node node.yaml
  slicewright graph -n shop -l app=cart -f manifests/ --format svg > cart.svg`,
    )
    .action(async (targets: readonly string[], options) => {
      const { graphCommand } = await import('./commands/graph.ts');
      process.exitCode = await graphCommand(targets, options, io);
    });
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('give a whole number from 1 to 999999.');
  return Number(text);
}

function addAgent(program: Command): void {
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
      const [{ agentCommand }, { hostRun }, { thisHost }, { stopSignal }] = await Promise.all([
        import('./commands/agent.ts'),
        import('../backends/run.ts'),
        import('./node/host.ts'),
        import('./terminal/stop-signal.ts'),
      ]);
      process.exitCode = await agentCommand({ ...given, flags: given }, io, hostRun(), thisHost(), stopSignal());
    });
}

function addStatus(program: Command): void {
  withUsageErrors(program.command('status'))
    .summary("ask this node's agent how it stands")
    .description(
      'Sources and their freshness, the last sync of each family, drift, Services that are held back, and what each ' +
        'Service has.\nExit status: 0 all is in force, 1 something is not as it should be, or no agent answers, 2 usage.',
    )
    .addOption(addressOption("where the agent's metrics are served", '127.0.0.1:10249'))
    .addOption(new Option('--format <format>', 'how it is written').choices(['text', 'json']).default('text'))
    .addHelpText('after', '\nExamples:\n  slicewright status\n  slicewright status --format json | jq .families')
    .action(async (options) => {
      const { statusCommand } = await import('./commands/status.ts');
      process.exitCode = await statusCommand(options, io);
    });
}

function addCompletion(program: Command): void {
  withUsageErrors(program.command('completion'))
    .summary('print a script that completes commands and options in a shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      '\nExamples:\n  source <(slicewright completion bash)\n  slicewright completion fish > ~/.config/fish/completions/slicewright.fish',
    )
    .action(async (shell: Shell) => {
      const { completionScript } = await import('./commands/completion.ts');
      await io.out(completionScript(shell, program));
    });
}

const controllerHelpers = {
  io,
  withUsageErrors,
  addressOption,
  collect,
  parseVerbosity,
  defaultNamespace: defaultLeaseNamespace,
};

async function main(): Promise<void> {
  const program = withUsageErrors(new Command('slicewright'))
    .description('Rule compiler and node agent for multi-cluster Kubernetes Services.')
    .version(manifest.version)
    .showHelpAfterError('(slicewright --help, and slicewright COMMAND --help, say more)')
    .addHelpText(
      'after',
      `
Examples:
  slicewright compile -f manifests/ --node node.yaml
  slicewright plan -f manifests/ --config kube-proxy.yaml
  slicewright agent --config kube-proxy.yaml --cluster west=west.kubeconfig
  slicewright status`,
    );
  addCompile(program);
  addPlan(program);
  addApply(program);
  addCleanup(program);
  addVerify(program);
  addGraph(program);
  addAgent(program);
  addStatus(program);
  addController(program, controllerHelpers);
  addCompletion(program);
  addExplain(program);
  try {
    await program.parseAsync(withHyphens(process.argv));
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode;
      return;
    }
    await io.err(`slicewright: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  }
}

void main();
