import { Command, CommanderError, Option } from 'commander';
import { processIo } from './io.ts';

/*
 * The command line. It knows names, options and help texts; what a command does is imported when
 * the command is called, so that each starts with no more than it needs.
 */

const io = processIo();

function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

/** Options of every command that compiles. */
function addInputOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '-f, --filename <path>',
        'manifests: a YAML or JSON file, a directory (recursive), or - for standard input; repeatable',
      )
        .argParser(collect)
        .makeOptionMandatory(),
    )
    .option('--node <path>', 'the Node that is compiled for: name, addresses, zone, pod ranges')
    .option('--config <path>', 'a kube-proxy configuration file; its hostnameOverride names the node')
    .addOption(
      new Option('--backend <name>', "what to compile to; the default is the configuration's mode").choices([
        'iptables',
        'ipvs',
      ]),
    )
    .addOption(
      new Option('--compat <with>', 'kube-proxy v1.30 to the letter, every deliberate deviation off').choices([
        'kube-proxy',
      ]),
    )
    .addOption(
      new Option('--diagnostics <format>', 'how diagnostics are written to standard error')
        .choices(['human', 'json'])
        .default('human'),
    )
    .option('--strict', 'warnings and errors about objects make the command fail');
}

function addCompile(program: Command): void {
  addInputOptions(usageErrorsExit(program.command('compile'), 2))
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
    .option('--out <dir>', 'write files there (iptables-save, ip6tables-save) instead of standard output')
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
  addInputOptions(usageErrorsExit(program.command('plan'), 1))
    .summary('say what would change on this node, for traffic and in rules')
    .description(
      'Compares what is in force with what the objects want: what changes for each Service, what is ' +
        'dangerous about it, which rules differ, and what it costs. Changes nothing.\n' +
        'Exit status: 0 nothing to do, 2 changes, 1 no plan (usage errors too).',
    )
    .addOption(
      new Option(
        '--against <path>',
        'plan from what iptables-save printed, or from the files of compile --out, instead of the kernel: needs no privilege; repeatable',
      )
        .argParser(collect)
        .default([], 'the kernel'),
    )
    .addOption(new Option('--format <format>', 'how the plan is written').choices(['text', 'json']).default('text'))
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
        import('./host.ts'),
      ]);
      process.exitCode = await planCommand(options, io, hostRun(), thisHost());
    });
}

function addVerify(program: Command): void {
  addInputOptions(usageErrorsExit(program.command('verify'), 2))
    .summary('try the program on every kind of packet, without a kernel')
    .description(
      'Follows every probe packet through the program that compile prints and compares what becomes of it ' +
        'with what the Services say. A difference is a mistake in slicewright.\n' +
        'Exit status: 0 all agree, 1 some do not or nothing could be compiled, 2 usage.',
    )
    .addHelpText('after', '\nExample:\n  slicewright verify -f manifests/ --node node.yaml --backend ipvs')
    .action(async (options) => {
      const { verifyCommand } = await import('./commands/verify.ts');
      process.exitCode = await verifyCommand(options, io);
    });
}

/** Commander ends a process with 1 whatever is wrong; a command decides for itself what usage errors are. */
function usageErrorsExit(command: Command, status: number): Command {
  return command.exitOverride((error) => {
    throw new CommanderError(error.exitCode === 0 ? 0 : status, error.code, error.message);
  });
}

async function main(): Promise<void> {
  const program = usageErrorsExit(new Command('slicewright'), 2)
    .description('Rule compiler and node agent for multi-cluster Kubernetes Services.')
    .showHelpAfterError('(slicewright --help, and slicewright COMMAND --help, say more)');
  addCompile(program);
  addPlan(program);
  addVerify(program);
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode;
      return;
    }
    await io.err(`slicewright: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  }
}

await main();
