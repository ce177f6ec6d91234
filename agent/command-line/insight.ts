import { type Command, InvalidArgumentError, Option } from 'commander';
import { withUsageErrors } from '../terminal/usage-errors.ts';
import { io } from './io.ts';
import { addInputOptions } from './options.ts';
import { addOutput, collect } from './output.ts';
import { selectorOption } from './selector.ts';

/* Commands that explain the present state, and change nothing. */

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
    .addOption(selectorOption())
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
    .addOption(selectorOption())
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
