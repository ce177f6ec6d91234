import { type Command, Option } from 'commander';
import { backendNames } from '../../backends/index.ts';
import { collect } from './output.ts';

/* Options of commands that compile, or look at what a kernel holds. */

export function filenameOption(): Option {
  const text = 'manifests: a YAML or JSON file, a directory (recursive), or - for standard input; repeatable';
  return new Option('-f, --filename <path>', text).argParser(collect);
}

export function diagnosticsOption(): Option {
  return diagnosticsChoice('format of diagnostics on standard error').default('human');
}

export function diagnosticsChoice(text: string): Option {
  return new Option('--diagnostics <format>', text).choices(['human', 'json']);
}

/** Options of every command that works with slicewright's rules in a kernel, present or planned. */
export function addProxyOptions(command: Command): Command {
  return command
    .option(
      '--service-proxy-name <name>',
      'serve only Services with this service.kubernetes.io/service-proxy-name, in separate chains, beside a kube-proxy',
    )
    .option(
      '--chain-prefix <prefix>',
      'prefix of the names of those chains, sets and the link: 2 to 5 upper-case letters and digits; the default is SLWR',
    );
}

/** Options of every command that compiles. */
export function addInputOptions(command: Command, filename = filenameOption().makeOptionMandatory()): Command {
  return addProxyOptions(command)
    .addOption(filename)
    .option('--node <path>', 'the Node to compile for: name, addresses, zone, pod ranges')
    .option('--config <path>', 'a kube-proxy configuration file; its hostnameOverride names the node')
    .addOption(
      new Option(
        '--cluster <name=path>',
        "another cluster's objects; its exports are used where an object of the local cluster accepts them; repeatable",
      ).argParser(collect),
    )
    .option('--registry <path>', 'the cluster registry: ranges, zones, weights, and whether clusters are alive')
    .addOption(
      new Option('--backend <name>', "the backend to compile for; the default is the configuration's mode").choices(
        backendNames(),
      ),
    )
    .addOption(
      new Option('--compat <with>', "produce exactly kube-proxy v1.30's rules, with no deliberate deviation").choices([
        'kube-proxy',
      ]),
    )
    .addOption(diagnosticsOption())
    .option('--strict', 'warnings and errors about objects make the command fail');
}
