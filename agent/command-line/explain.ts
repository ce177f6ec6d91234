import { type Command, Option } from 'commander';
import type { ExplainPacketOptions } from '../commands/explain-packet.ts';
import { vias } from '../packets/via.ts';
import { addDefault } from '../terminal/command-tree.ts';
import { addressOption, withUsageErrors } from '../terminal/usage-errors.ts';
import { io } from './io.ts';
import { addInputOptions, filenameOption } from './options.ts';
import { addOutput, collect } from './output.ts';
import { selectorOption } from './selector.ts';

/* `explain`, which gives reasons: what happens to a packet, and which share an endpoint gets. */

const forms = `
The sender is one of:
  ADDRESS                     the pod, node or other client with this address
  pod ADDRESS                 a pod of this node
  node [ADDRESS]              a process of this node
  outside [ADDRESS]           another machine, on eth0
  eth1 [ADDRESS]              a client on that interface; also: on INTERFACE [ADDRESS]
The destination is one of:
  ADDRESS:PORT[/PROTOCOL]     tcp, udp or sctp; [2001:db8::1]:80 for IPv6
  NAMESPACE/NAME[:PORT][/PROTOCOL]
                              a Service, or ServiceImport, by its first frontend, or as --via says
Both may be one argument, with -> between them: 'pod 10.1.0.9 -> 10.96.0.10:80/tcp'. With ', remembers ADDRESS:PORT' at its
end, session affinity remembers the client.`;

export function addExplain(program: Command): void {
  const explain = withUsageErrors(program.command('explain').usage('[packet] <sender> <destination> | service <name>'))
    .summary('explain what happens to a packet, or what each endpoint of a Service gets, and why')
    .description('Explains what happens to one packet, or what each endpoint of a Service gets, and why.')
    .addHelpText(
      'after',
      `
Examples:
  slicewright explain 10.1.0.9 shop/cart:http -f manifests/ --node node.yaml
  slicewright explain outside shop/cart --via node-port -f manifests/ --config kube-proxy.yaml --live
  slicewright explain service shop/cart -f manifests/`,
    );
  // Without `packet` or `service`, packet is meant.
  const packet = addDefault(explain, 'packet').argument('<words...>', 'a sender, then a destination');
  addPacketOptions(withUsageErrors(packet))
    .summary('follow one packet through the rules of files, a dump, or this node')
    .description(
      "Explains what happens to a connection's first packet in the program that compile prints: which endpoints get which " +
        'share, masqueraded or not, which get nothing and why, and by which rules. With --live or --against also what a ' +
        "node really does, and by which rules it differs. Without -f the command asks this node's agent.\n" +
        'Exit status: 0 explained, 1 failed, 2 usage, 3 with --live or --against: the node does something else.',
    )
    .addHelpText(
      'after',
      `${forms}

Examples:
  slicewright explain packet node shop/cart --live
  slicewright explain packet pod 10.1.0.9 10.96.0.10:80 -f manifests/ --node node.yaml
  slicewright explain packet 'outside 192.0.2.1 -> 192.0.2.7:30080/tcp' -f manifests/ --against node.iptables-save`,
    )
    .action(async (words: readonly string[], options: ExplainPacketOptions) => {
      const [{ explainPacketCommand }, { hostRun }, { thisHost }] = await Promise.all([
        import('../commands/explain-packet.ts'),
        import('../../backends/run.ts'),
        import('../node/host.ts'),
      ]);
      process.exitCode = await explainPacketCommand(words, options, io, hostRun(), thisHost());
    });
  addService(explain);
}

function addPacketOptions(command: Command): Command {
  return addOutput(
    addInputOptions(command, filenameOption()),
    ['text', 'wide', 'json', 'yaml'],
    'text',
    'output format; wide: as --verbose',
  )
    .addOption(agentOption())
    .option('--live', "compare with this node's kernel; needs CAP_NET_ADMIN")
    .addOption(
      new Option(
        '--against <path>',
        "compare with a dump of a node's rules, or the files of compile --out, in the form that plan reads; repeatable",
      )
        .argParser(collect)
        .conflicts('live'),
    )
    .addOption(
      new Option('--via <frontend>', 'the address of a Service to dial; all: each of them in turn').choices(vias),
    )
    .option('--verbose', 'every endpoint and every rule');
}

function agentOption(): Option {
  return addressOption("without -f: the address of the metrics of this node's agent", '127.0.0.1:10249');
}

function addService(explain: Command): void {
  const service = addInputOptions(
    withUsageErrors(explain.command('service').argument('[namespace/name[:port]...]')),
    filenameOption(),
  )
    .addOption(agentOption())
    .summary('explain which share of new connections each endpoint of a Service gets, and why')
    .description(
      'Lists every known endpoint of Services or ServiceImports, used or not: its cluster, state, exact share ' +
        "and the rules that decided. Without -f the command asks this node's agent.\n" +
        'Exit status: 0 explained, 1 no such Service is served here, or no agent answers, 2 usage.',
    )
    .option('-n, --namespace <namespace>', 'only Services of this namespace; a target may then be a name alone')
    .addOption(selectorOption())
    .option('--without-cluster <name>', 'also show the shares if that cluster were lost');
  addOutput(
    service,
    ['text', 'wide', 'name', 'json', 'yaml'],
    'text',
    'output format; wide: also fraction, weight and pools of each endpoint; name: only the Services',
  )
    .addHelpText(
      'after',
      `
Examples:
  slicewright explain service shop/cart:http -f manifests/ --registry clusters.yaml --without-cluster east
  slicewright explain service -n shop -l app=cart -o wide`,
    )
    .action(async (targets: readonly string[], options) => {
      const { explainServiceCommand } = await import('../commands/explain-service.ts');
      process.exitCode = await explainServiceCommand(targets, options, io);
    });
}
