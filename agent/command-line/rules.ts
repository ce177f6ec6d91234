import { type Command, InvalidArgumentError, Option } from 'commander';
import { addPlanMultiCluster } from '../../controller/cli.ts';
import { addDangerOptions, lockDirOption } from '../commands/writer-flags.ts';
import { withUsageErrors } from '../terminal/usage-errors.ts';
import { controllerHelpers } from './controller-helpers.ts';
import { io } from './io.ts';
import { addInputOptions, addProxyOptions, diagnosticsOption, filenameOption } from './options.ts';
import { addOutput, collect } from './output.ts';

/* Commands that make rules: printed, planned, applied, removed. */

/** As `plan --out` prints it, or as other tools write it. */
function parseDigest(value: string): string {
  const digest = value.replace(/^sha256:/, '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digest)) return digest;
  throw new InvalidArgumentError('It is not a hexadecimal SHA-256 digest.');
}

export function addCompile(program: Command): void {
  addInputOptions(withUsageErrors(program.command('compile')))
    .summary('print the rules that a node gets; needs no kernel, no root, no cluster')
    .description(
      'Compiles Services and EndpointSlices into the rules of one node and prints them.\n' +
        'Exit status: 0 compiled, 1 failed, 2 usage.',
    )
    .addOption(
      new Option(
        '--family <family>',
        'only this IP family; the default is every family that the node or a Service has',
      ).choices(['ipv4', 'ipv6']),
    )
    .option(
      '--out <dir>',
      'write files into this folder instead of standard output, in the formats of the tools that load them, and print their names',
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
    .summary('show what would change on this node, for traffic and in rules')
    .description(
      'Compares the rules in force with the rules for the objects: shows what changes for each Service, which changes are ' +
        'dangerous, which rules differ, and the cost. Changes nothing.\n' +
        'Exit status: 0 nothing to do, 2 changes, 1 no plan, 3 a danger of --fail-on-danger. A usage error also exits ' +
        'with 2, and prints no plan.',
    )
    .addOption(
      new Option(
        '--against <path>',
        "plan from a dump of a node's rules, or from the files of compile --out, instead of the kernel: needs no privilege; a file, or a folder where the backend has several files; repeatable",
      )
        .argParser(collect)
        .default([], 'the kernel'),
    )
    .option('-n, --namespace <namespace>', 'show only Services of this namespace')
    .option(
      '-l, --selector <selector>',
      "show only Services that this label selector matches: 'app=cart,tier in (a,b)'",
    )
    .option('--out <file>', 'also save the plan, for apply --plan')
    .option('--verbose', 'show full sentences, the effect on each kind of client, and every danger');
  addDangerOptions(
    addOutput(
      plan,
      ['text', 'wide', 'name', 'json', 'yaml'],
      'text',
      'output format; wide: as --verbose; name: only the Services',
    ),
  )
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
    .summary("write the rules for the objects into this node's kernel")
    .description(
      'Plans and applies, or applies a saved plan, and reads back the rules in force. At every moment each packet is treated ' +
        'by its previous or its new rules, also when the backend changes. If the kernel rejects the rules of a Service, apply ' +
        'names it and its previous rules stay in force; the others are applied.\nExit status: 0 applied, 1 failed for all or some Services, 2 usage, 3 a danger of --fail-on-danger.',
    )
    .option('--plan <file>', 'a plan that plan --out saved; refused if it or the rules have changed since')
    .addOption(
      new Option('--plan-digest <sha256>', 'refuse a plan whose digest is not this one, which plan --out printed')
        .argParser(parseDigest)
        .conflicts('filename'),
    )
    .option(
      '--take-over',
      "replace another program's (such as kube-proxy's) rules for Services in place; stop that program first",
    )
    .option('--allow-empty', 'apply even if no object was read, which removes every Service')
    .option('--yes', 'do not ask for confirmation; without it, at a terminal, apply shows the plan and asks for "yes"')
    .option('--allow-mass-removal', 'apply even if more Services are removed than --mass-removal-threshold allows')
    .option('--force', 'apply although an agent runs on this node, which restores its own rules')
    .addOption(lockDirOption());
  addOutput(
    apply,
    ['text', 'json', 'yaml'],
    'text',
    'output format; json and yaml cannot ask for confirmation, so at a terminal they need --yes',
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
    .summary('remove everything that slicewright made on this node')
    .description(
      'Removes what apply and the agent made, and nothing else, for every backend and both families: rules, chains, ' +
        'virtual servers, sets, addresses.\n' +
        'Exit status: 0 all was removed or, with --hand-over, is left to kube-proxy, 1 something is left, 2 usage.',
    )
    .option(
      '--take-over',
      "also remove another program's (such as kube-proxy's) rules for Services; stop that program first",
    )
    .addOption(
      new Option(
        '--hand-over',
        "go back to kube-proxy: leave the rules in force under kube-proxy's names and remove slicewright's mark, so that " +
          'kube-proxy takes them over when it starts; in nftables mode start it first',
      ).conflicts(['takeOver', 'serviceProxyName', 'chainPrefix']),
    )
    .option('--force', 'clean up although an agent runs on this node, which restores its own rules')
    .addOption(lockDirOption())
    .addOption(diagnosticsOption());
  addOutput(cleanup, ['text', 'json', 'yaml'], 'text')
    .addHelpText(
      'after',
      '\nExamples:\n  slicewright cleanup\n  slicewright cleanup --take-over\n  slicewright cleanup --hand-over\n  slicewright cleanup --service-proxy-name slicewright',
    )
    .action(async (options) => {
      const [{ cleanupCommand }, { hostRun }] = await Promise.all([
        import('../commands/cleanup.ts'),
        import('../../backends/run.ts'),
      ]);
      process.exitCode = await cleanupCommand(options, io, hostRun());
    });
}
