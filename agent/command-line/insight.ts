import { type Command, InvalidArgumentError, Option } from 'commander';
import { addressOption, withUsageErrors } from '../terminal/usage-errors.ts';
import { io } from './io.ts';
import { addInputOptions, addOutput, collect } from './options.ts';

/* Commands that say why something is as it is, and change nothing. */

export function addVerify(program: Command): void {
  const verify = addInputOptions(withUsageErrors(program.command('verify').argument('[namespace/name[:port]...]')))
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
    .option('-n, --namespace <namespace>', 'with --live or --against: only what Services of this namespace get')
    .option('-l, --selector <selector>', "with --live or --against: only Services with such labels: 'app=cart'")
    .option('--verbose', 'with --live or --against: every difference, and all rules that its packets met');
  addOutput(verify, ['text', 'json', 'yaml'], 'text', 'how it is written, with --live or --against')
    .addHelpText(
      'after',
      `
Examples:
  slicewright verify -f manifests/ --node node.yaml --backend ipvs
  slicewright verify -f manifests/ --config kube-proxy.yaml --live
  slicewright verify -f manifests/ --node node.yaml --against node.iptables-save
  slicewright verify shop/cart -f manifests/ --config kube-proxy.yaml --live`,
    )
    .action(async (services: readonly string[], options, command: Command) => {
      if (options.live === true || options.against !== undefined) {
        const [{ verifyFoundCommand }, { hostRun }, { thisHost }] = await Promise.all([
          import('../commands/verify-found.ts'),
          import('../../backends/run.ts'),
          import('../node/host.ts'),
        ]);
        process.exitCode = await verifyFoundCommand({ against: [], ...options, services }, io, hostRun(), thisHost());
        return;
      }
      if (services.length > 0 || options.namespace !== undefined || options.selector !== undefined) {
        command.error('error: Services are chosen with --live or --against; the whole program is tried without');
      }
      const { verifyCommand } = await import('../commands/verify.ts');
      process.exitCode = await verifyCommand(options, io);
    });
}

export function addExplain(program: Command): void {
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
      const { explainPacketCommand } = await import('../commands/explain-packet.ts');
      const status = await explainPacketCommand(packet, options, io);
      if (status === undefined) command.error(`error: '${packet}' is not a packet; --help shows their form`);
      else process.exitCode = status;
    });
  const service = addInputOptions(withUsageErrors(explain.command('service').argument('<namespace/name[:port]>')))
    .summary('say of every endpoint of a Service what it gets of new connections, and why')
    .description(
      'Lists every endpoint that is known for a Service or ServiceImport, used or not: its cluster, state, exact share\n' +
        'and the rules that decided. Exit status: 0 told, 1 no such Service is served here, 2 usage.',
    )
    .option('--without-cluster <name>', 'show beside it what would be if that cluster were lost');
  addOutput(service, ['text', 'json', 'yaml'], 'text')
    .addHelpText(
      'after',
      '\nExample:\n  slicewright explain service shop/cart:http -f manifests/ --registry clusters.yaml --without-cluster east',
    )
    .action(async (target: string, options, command: Command) => {
      const { explainServiceCommand } = await import('../commands/explain-service.ts');
      const status = await explainServiceCommand(target, options, io);
      if (status === undefined) command.error(`error: '${target}' is not NAMESPACE/NAME or NAMESPACE/NAME:PORT`);
      else process.exitCode = status;
    });
}

export function addGraph(program: Command): void {
  const graph = addInputOptions(withUsageErrors(program.command('graph').argument('[namespace/name[:port]...]')))
    .summary('draw the way of traffic through Services, with exact shares')
    .description(
      'Draws the addresses that clients dial, the Service ports behind them, clusters and endpoints, and what part of ' +
        'new connections each gets. Needs no kernel, no root, no cluster.\n' +
        'Exit status: 0 drawn, 1 no such Service is served here, 2 usage.',
    )
    .option('-n, --namespace <namespace>', 'only Services of this namespace')
    .option('-l, --selector <selector>', "only Services with such labels: 'app=cart,tier in (a,b)'")
    .addOption(
      new Option('--endpoints <number>', 'endpoints of one cluster that are drawn one by one; JSON has all of them')
        .argParser(parseCount)
        .default(10),
    );
  addOutput(graph, ['mermaid', 'dot', 'svg', 'json', 'yaml'], 'mermaid', 'how the picture is written')
    .addHelpText(
      'after',
      `
Examples:
  slicewright graph shop/cart -f manifests/ --node node.yaml
  slicewright graph -n shop -l app=cart -f manifests/ -o svg > cart.svg`,
    )
    .action(async (targets: readonly string[], options) => {
      const { graphCommand } = await import('../commands/graph.ts');
      process.exitCode = await graphCommand(targets, options, io);
    });
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('give a whole number from 1 to 999999.');
  return Number(text);
}

export function addStatus(program: Command): void {
  const status = withUsageErrors(program.command('status'))
    .summary("ask this node's agent how it stands")
    .description(
      'Sources and their freshness, the last sync of each family, drift, Services that are held back, and what each ' +
        'Service has.\nExit status: 0 all is in force, 1 something is not as it should be, or no agent answers, 2 usage.',
    )
    .addOption(addressOption("where the agent's metrics are served", '127.0.0.1:10249'));
  addOutput(status, ['text', 'json', 'yaml'], 'text')
    .addHelpText('after', '\nExamples:\n  slicewright status\n  slicewright status -o json | jq .families')
    .action(async (options) => {
      const { statusCommand } = await import('../commands/status.ts');
      process.exitCode = await statusCommand(options, io);
    });
}
