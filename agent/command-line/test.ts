import { type Command, InvalidArgumentError, Option } from 'commander';
import { backendNames } from '../../backends/index.ts';
import { withUsageErrors } from '../terminal/usage-errors.ts';
import { io } from './io.ts';
import { addOutput, collect } from './output.ts';

/* Golden cases of a user's own. */

/** A choice that can be made several times, which commander's own cannot. */
function collectBackend(name: string, previous: readonly string[] | undefined): readonly string[] {
  if (backendNames().includes(name)) return collect(name, previous);
  throw new InvalidArgumentError(`Allowed choices are ${backendNames().join(', ')}.`);
}

export function addTest(program: Command): void {
  const test = withUsageErrors(program.command('test'));
  test
    .argument('<dir...>', 'folders of cases, or cases')
    .summary('test the rules with golden cases: programs, plans, and flow tables written by hand')
    .description(
      'Compiles the cases below the folders, and compares programs and plans with the files beside them and every backend ' +
        'with the flow table. It writes new or changed content to FILE.new; review it with --review.\n' +
        'Exit status: 0 all pass, 1 a check fails or a file cannot be read, 2 usage.',
    )
    .option('-t, --filter <pattern>', 'only cases whose names match this regular expression')
    .addOption(
      new Option('--backend <name>', 'only programs, plans and flows of this backend; repeatable')
        .choices(backendNames())
        .argParser(collectBackend),
    )
    .addOption(
      new Option('--review', 'show each change, and accept or reject it with a key').conflicts(['update', 'watch']),
    )
    .addOption(new Option('--update', 'accept everything that is new, changed or obsolete').conflicts('watch'))
    .option('--ci', 'write nothing, and also fail on new files; the default if CI is set in the environment')
    .option('--watch', 'run again after each change in the folders, until stopped')
    .option('--junit <file>', 'write a JUnit report to this file')
    .addOption(new Option('--github', 'print annotations for GitHub Actions; the default if GITHUB_ACTIONS is true'))
    .addOption(new Option('--no-github', 'print no annotations'));
  addOutput(test, ['text', 'json', 'yaml'], 'text')
    .addHelpText(
      'after',
      `
Examples:
  slicewright test init manifests/ golden/first --node node.yaml
  slicewright test golden/
  slicewright test golden/ --review
  slicewright test golden/ --ci --junit report.xml`,
    )
    .action(async (folders: readonly string[], options) => {
      const [{ testCommand }, { systemClock }, { stopSignal }, { keysOf }] = await Promise.all([
        import('../commands/test.ts'),
        import('../loop/clock.ts'),
        import('../terminal/stop-signal.ts'),
        import('../terminal/keys.ts'),
      ]);
      const { stdin, stdout, stderr, env } = process;
      process.exitCode = await testCommand(folders, options, io, {
        environment: env,
        clock: systemClock,
        signal: stopSignal,
        keys: stdin.isTTY && stdout.isTTY ? () => keysOf(stdin) : undefined,
        showsProgress: stderr.isTTY,
        folder: process.cwd(),
      });
    });
  addTestInit(test);
}

function addTestInit(test: Command): void {
  withUsageErrors(test.command('init'))
    .argument('<from-objects>', 'manifests: a file, a directory, or - for standard input')
    .argument('[dir]', 'the folder of the case, which the command creates', 'golden/first')
    .summary('make a first case from existing objects')
    .description(
      'Copies the objects that affect rules, and writes beside them the programs of every backend and a flow table ' +
        'with one flow for each Service port, for you to edit.\n' +
        'Exit status: 0 made, 1 not, 2 usage.',
    )
    .option('--node <path>', 'the Node to compile the case for, unless the manifests hold exactly one')
    .option('--config <path>', 'a kube-proxy configuration file, which becomes settings.yaml')
    .addOption(new Option('--cluster <name=path>', "another cluster's own objects; repeatable").argParser(collect))
    .option('--registry <path>', 'the cluster registry, which becomes registry.yaml')
    .addHelpText(
      'after',
      '\nExamples:\n  slicewright test init manifests/ golden/first --node node.yaml\n' +
        '  kubectl get svc,endpointslice -n shop -o yaml | slicewright test init - golden/shop --node node.yaml',
    )
    .action(async (from: string, folder: string, options) => {
      const { testInitCommand } = await import('../commands/test-init.ts');
      process.exitCode = await testInitCommand(from, folder, options, io);
    });
}
