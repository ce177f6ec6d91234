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
