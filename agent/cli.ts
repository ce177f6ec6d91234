import { Command, CommanderError } from 'commander';
import { withHyphens } from './commands/agent/flags.ts';
import { addController } from '../controller/cli.ts';
import { addAgent } from './command-line/agent.ts';
import { addAudit } from './command-line/audit.ts';
import { addCapture } from './command-line/capture.ts';
import { addCompletion } from './command-line/completion.ts';
import { controllerHelpers } from './command-line/controller-helpers.ts';
import { addExplain } from './command-line/explain.ts';
import { addGraph, addStatus, addVerify } from './command-line/insight.ts';
import { io } from './command-line/io.ts';
import { addTop } from './command-line/top.ts';
import { addReport } from './command-line/report.ts';
import { addApply, addCleanup, addCompile, addPlan } from './command-line/rules.ts';
import { addTest } from './command-line/test.ts';
import { addVersion } from './command-line/version.ts';
import { withUsageErrors } from './terminal/usage-errors.ts';
import manifest from '../package.json' with { type: 'json' };

/*
 * The command line. It knows names, options and help texts; what a command does is imported when
 * the command is called, so that each starts with no more than it needs.
 */

/** Every command with its options and help texts: what the command line, completions and man pages are made from. */
export function createProgram(): Command {
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
  addAudit(program);
  addCapture(program);
  addGraph(program);
  addTest(program);
  addReport(program);
  addAgent(program);
  addStatus(program);
  addTop(program);
  addController(program, controllerHelpers);
  addCompletion(program);
  addExplain(program);
  addVersion(program);
  return program;
}

export async function main(): Promise<void> {
  try {
    await createProgram().parseAsync(withHyphens(process.argv));
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode;
      return;
    }
    await io.err(`slicewright: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  }
}
