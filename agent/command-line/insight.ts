import { type Command, InvalidArgumentError, Option } from 'commander';
import { addressOption, withUsageErrors } from '../terminal/usage-errors.ts';
import { io } from './io.ts';
import { intervalOption, watchPlace } from './watching.ts';
import { addInputOptions, addOutput, collect } from './options.ts';

/* Commands that say why something is as it is, and change nothing. */

export function addVerify(program: Command): void {
  const verify = addInputOptions(withUsageErrors(program.command('verify').argument('[namespace/name[:port]...]')))
    .summary('test the program with every kind of packet, without a kernel')
    .description(
      'Follows every probe packet through the program that compile prints and compares the result ' +
        'with what the Services specify. A difference is a defect of slicewright.\n' +
        "With --live or --against it tests a node's rules instead, whoever wrote them: it follows every kind of packet " +
        "that either side's rules distinguish through both.\n" +
        'Exit status: 0 all agree, 1 some differ or nothing could be compiled, 2 usage; with --live or --against: ' +
        '0 equal, 3 different, 1 the comparison is incomplete.',
    )
    .option('--live', "compare this node's kernel; needs CAP_NET_ADMIN")
    .addOption(
      new Option(
        '--against <path>',
        "compare a dump of a node's rules, or the files of compile --out, in the form that plan reads; repeatable",
      )
        .argParser(collect)
        .conflicts('live'),
    )
    .option('-n, --namespace <namespace>', 'only packets to Services of this namespace')
    .option('-l, --selector <selector>', "only Services that this label selector matches: 'app=cart,tier in (a,b)'")
    .option('--verbose', 'with --live or --against: show every difference, and all rules that its packets met');
  addOutput(
    verify,
    ['text', 'wide', 'name', 'json', 'yaml'],
    'text',
    'output format; wide: as --verbose; name: only the Services that differ',
  )
    .addHelpText(
      'after',
      `
Examples:
  slicewright verify -f manifests/ --node node.yaml --backend ipvs
  slicewright verify -f manifests/ --config kube-proxy.yaml --live
  slicewright verify -f manifests/ --node node.yaml --against node.iptables-save
  slicewright verify shop/cart -f manifests/ --config kube-proxy.yaml --live`,
    )
    .action(async (services: readonly string[], options) => {
      if (options.live === true || options.against !== undefined) {
        const [{ verifyFoundCommand }, { hostRun }, { thisHost }] = await Promise.all([
          import('../commands/verify-found.ts'),
          import('../../backends/run.ts'),
          import('../node/host.ts'),
        ]);
        process.exitCode = await verifyFoundCommand({ against: [], ...options, services }, io, hostRun(), thisHost());
        return;
      }
      const { verifyCommand } = await import('../commands/verify.ts');
      process.exitCode = await verifyCommand({ ...options, services }, io);
    });
}

export function addGraph(program: Command): void {
  const graph = addInputOptions(withUsageErrors(program.command('graph').argument('[namespace/name[:port]...]')))
    .summary('draw the traffic through Services, with exact shares')
    .description(
      'Draws the addresses that clients dial, the Service ports behind them, clusters and endpoints, and the share of ' +
        'new connections that each gets. Needs no kernel, no root, no cluster.\n' +
        'Exit status: 0 drawn, 1 no such Service is served here, 2 usage.',
    )
    .option('-n, --namespace <namespace>', 'only Services of this namespace')
    .option('-l, --selector <selector>', "only Services that this label selector matches: 'app=cart,tier in (a,b)'")
    .addOption(
      new Option('--endpoints <number>', 'how many endpoints of each cluster to draw; JSON has all of them')
        .argParser(parseCount)
        .default(10),
    );
  addOutput(graph, ['mermaid', 'dot', 'svg', 'json', 'yaml'], 'mermaid', 'output format')
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
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('Give a whole number from 1 to 999999.');
  return Number(text);
}

export function addStatus(program: Command): void {
  const status = withUsageErrors(
    program.command('status').argument('[namespace/name[:port]...]', 'show only these Services'),
  )
    .summary("show the state of this node's agent")
    .description(
      'Shows sources and their freshness, the last sync of each family, drift, Services that are held back, and the ' +
        'endpoints of each Service. With Services or a namespace it shows only those, and they decide the exit status ' +
        'together with the state of the agent itself.\nExit status: 0 all rules are in force, 1 something is wrong, a named ' +
        'Service is not served, or no agent answers, 2 usage.',
    )
    .option('-n, --namespace <namespace>', 'only Services of this namespace; a target may then be a name alone')
    .option('-l, --selector <selector>', "only Services that this label selector matches: 'app=cart,tier in (a,b)'")
    .addOption(addressOption("the address of the agent's metrics", '127.0.0.1:10249'))
    .option('--watch', 'refresh until q or Ctrl-C')
    .addOption(intervalOption());
  addOutput(
    status,
    ['text', 'wide', 'name', 'json', 'yaml'],
    'text',
    'output format; wide: also the addresses of each Service, and whole messages; name: only the Services',
  )
    .addHelpText(
      'after',
      '\nExamples:\n  slicewright status\n  slicewright status shop/cart --watch\n  slicewright status -n shop -o name\n  slicewright status -o json | jq .families',
    )
    .action(async (services: string[], { watch, interval: intervalMs, ...options }) => {
      const { statusCommand } = await import('../commands/status.ts');
      const place = watch === true ? { ...(await watchPlace()), intervalMs } : undefined;
      process.exitCode = await statusCommand({ ...options, services }, io, place);
    });
}
