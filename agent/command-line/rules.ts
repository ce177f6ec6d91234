import { type Command, InvalidArgumentError, Option } from 'commander';
import { addPlanMultiCluster } from '../../controller/cli.ts';
import { addDangerOptions, lockDirOption } from '../commands/writer-flags.ts';
import { withUsageErrors } from '../terminal/usage-errors.ts';
import { controllerHelpers } from './controller-helpers.ts';
import { io } from './io.ts';
import { addInputOptions, addOutput, addProxyOptions, collect, diagnosticsOption, filenameOption } from './options.ts';

/* Commands that make rules: printed, planned, applied, removed. */

/** As `plan --out` prints it, or as other tools write it. */
function parseDigest(value: string): string {
  const digest = value.replace(/^sha256:/, '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digest)) return digest;
  throw new InvalidArgumentError('It is no sha-256 in hexadecimal.');
}

export function addCompile(program: Command): void {
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
      const { compileCommand } = await import('../commands/compile.ts');
      process.exitCode = await compileCommand(options, io);
    });
}

export function addPlan(program: Command): void {
  const plan = addInputOptions(withUsageErrors(program.command('plan').argument('[namespace/name[:port]...]')));
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
    .option('-n, --namespace <namespace>', 'tell of Services of this namespace only')
    .option('-l, --selector <selector>', "tell of Services with such labels only: 'app=cart,tier in (a,b)'")
    .option('--out <file>', 'save the plan too, for apply --plan')
    .option('--verbose', 'whole sentences, what becomes of each kind of client, and every danger');
  addDangerOptions(addOutput(plan, ['text', 'json', 'yaml', 'name'], 'text', 'how the plan is written'))
    .addHelpText(
      'after',
      `
Examples:
  slicewright plan -f manifests/ --config kube-proxy.yaml
  slicewright plan -n shop -f manifests/ --config kube-proxy.yaml
  ssh node iptables-save > node.iptables-save
  slicewright plan -f manifests/ --node node.yaml --against node.iptables-save`,
    )
    .action(async (services: readonly string[], options) => {
      const [{ planCommand }, { hostRun }, { thisHost }] = await Promise.all([
        import('../commands/plan.ts'),
        import('../../backends/run.ts'),
        import('../node/host.ts'),
      ]);
      process.exitCode = await planCommand({ ...options, services }, io, hostRun(), thisHost());
    });
}

export function addApply(program: Command): void {
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
    .addOption(lockDirOption());
  addOutput(
    apply,
    ['text', 'json', 'yaml'],
    'text',
    'how it is written; a document asks nobody, so at a terminal it takes --yes',
  )
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
        import('../commands/apply.ts'),
        import('../../backends/run.ts'),
        import('../node/host.ts'),
      ]);
      process.exitCode = await applyCommand({ filename: [], ...options }, io, hostRun(), thisHost());
    });
}

export function addCleanup(program: Command): void {
  const cleanup = addProxyOptions(withUsageErrors(program.command('cleanup')))
    .summary('remove everything of ours from this node')
    .description(
      'Removes all that apply has made, and nothing else, of every backend and in both families: rules, chains, ' +
        'virtual servers, sets, addresses.\n' +
        'Exit status: 0 nothing of ours is left, 1 something is, 2 usage.',
    )
    .option('--take-over', "remove another program's rules for Services too, kube-proxy's say; stop it first")
    .option('--force', 'clean up even where an agent works on this node, which puts its own rules back')
    .addOption(lockDirOption())
    .addOption(diagnosticsOption());
  addOutput(cleanup, ['text', 'json', 'yaml'], 'text')
    .addHelpText(
      'after',
      '\nExamples:\n  slicewright cleanup\n  slicewright cleanup --take-over\n  slicewright cleanup --service-proxy-name slicewright',
    )
    .action(async (options) => {
      const [{ cleanupCommand }, { hostRun }] = await Promise.all([
        import('../commands/cleanup.ts'),
        import('../../backends/run.ts'),
      ]);
      process.exitCode = await cleanupCommand(options, io, hostRun());
    });
}
