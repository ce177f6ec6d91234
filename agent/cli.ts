import { Command, CommanderError } from 'commander';
import { io } from './command-line/io.ts';
import { addOutlines, type CommandOutline } from './command-line/outline.ts';
import { withUsageErrors } from './terminal/usage-errors.ts';
import manifest from '../package.json' with { type: 'json' };

/*
 * The command line. It knows which commands exist; their names, options and help texts are in `command-line/`. Commands load
 * only when needed: a called command loads its own definition, and `--help` loads none.
 */

type Add = (program: Command) => void;

/** The one command that reads all other definitions. */
const completion = 'completion';

/** In the order of help. */
const commands: ReadonlyMap<string, () => Promise<Add>> = new Map([
  ['compile', async () => (await import('./command-line/rules.ts')).addCompile],
  ['plan', async () => (await import('./command-line/rules.ts')).addPlan],
  ['apply', async () => (await import('./command-line/rules.ts')).addApply],
  ['cleanup', async () => (await import('./command-line/rules.ts')).addCleanup],
  ['verify', async () => (await import('./command-line/insight.ts')).addVerify],
  ['audit', async () => (await import('./command-line/audit.ts')).addAudit],
  ['capture', async () => (await import('./command-line/capture.ts')).addCapture],
  ['graph', async () => (await import('./command-line/insight.ts')).addGraph],
  ['test', async () => (await import('./command-line/test.ts')).addTest],
  ['report', async () => (await import('./command-line/report.ts')).addReport],
  ['agent', async () => (await import('./command-line/agent.ts')).addAgent],
  ['status', async () => (await import('./command-line/status.ts')).addStatus],
  ['top', async () => (await import('./command-line/top.ts')).addTop],
  ['controller', async () => (await import('./command-line/controller.ts')).addControllerCommand],
  [completion, async () => (await import('./command-line/completion.ts')).addCompletion],
  ['explain', async () => (await import('./command-line/explain.ts')).addExplain],
  ['version', async () => (await import('./command-line/version.ts')).addVersion],
]);

/** Whether the first word of a command line is a command, or an option that stands alone. */
export function isCommand(word: string): boolean {
  return commands.has(word) || word === '__complete' || /^(-h|-V|--help|--version)$/.test(word);
}

/** CommandOutline[] as JSON, which the build writes down; undefined where the sources run. */
declare const COMMAND_OUTLINES: string | undefined;

/** Every command with its options and help texts: what completions and man pages are made from. */
export function createProgram(): Promise<Command> {
  return programWith([...commands.values()]);
}

async function programWith(loads: readonly (() => Promise<Add>)[]): Promise<Command> {
  const program = rootCommand();
  for (const add of await Promise.all(loads.map((load) => load()))) add(program);
  return program;
}

function rootCommand(): Command {
  return withUsageErrors(new Command('slicewright'))
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
}

/** Loads the part of the command line that these words need: one command, nothing for the version, what help lists, or all. */
async function programFor([first = '', ...others]: readonly string[]): Promise<Command> {
  const called = first === completion ? undefined : commands.get(first);
  if (called !== undefined) return programWith([called]);
  if (others.length === 0 && (first === '--version' || first === '-V')) return rootCommand();
  const asksForHelp = others.length === 0 && (first === '--help' || first === '-h');
  if (asksForHelp && typeof COMMAND_OUTLINES !== 'undefined') {
    return addOutlines(rootCommand(), JSON.parse(COMMAND_OUTLINES) as CommandOutline[]);
  }
  return createProgram();
}

export async function main(): Promise<void> {
  try {
    const program = await programFor(process.argv.slice(2));
    await program.parseAsync(await withHyphens(process.argv));
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode;
      return;
    }
    await io.err(`slicewright: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  }
}

/** The agent's flags may be written with underscores. */
async function withHyphens(argv: readonly string[]): Promise<readonly string[]> {
  return argv.includes('agent') ? (await import('./commands/agent/flags.ts')).withHyphens(argv) : argv;
}
