import { Argument, Command, Option } from 'commander';
import { expect, it } from 'vitest';
import { addDefault } from '../terminal/command-tree.ts';
import { offerFor, offerText } from './offer.ts';

const program = new Command('slicewright').option('-V, --version', 'print it');
program
  .command('compile')
  .summary("print a node's rules")
  .option('-f, --filename <path>', 'manifests\nof any kind')
  .addOption(new Option('--backend <name>', 'to what').choices(['iptables', 'ipvs']))
  .addOption(new Option('--old <name>').hideHelp())
  .option('--strict', 'fail');
program.command('__complete', { hidden: true });
program.command('completion').addArgument(new Argument('<shell>').choices(['bash', 'zsh']));
const explain = program.command('explain').summary('say why');
addDefault(explain, 'packet')
  .summary('of a packet')
  .argument('<packet>')
  .addOption(new Option('--via <frontend>', 'where').choices(['node-port', 'all']));
explain.command('service').summary('of a Service').option('--without <cluster>', 'without it');

const files = [':0', ''];
const noFiles = [':4', ''];

it.each([
  [[''], ["compile\tprint a node's rules", 'completion\t', 'explain\tsay why', ...noFiles]],
  [['expl'], ['explain\tsay why', ...noFiles]],
  [['-'], ['-V\tprint it', '--version\tprint it', '--help\tsay what the command takes', ...noFiles]],
  [
    ['compile', '--'],
    ['--filename\tmanifests', '--backend\tto what', '--strict\tfail', '--help\tsay what the command takes', ...noFiles],
  ],
  [
    ['compile', '--backend', ''],
    ['iptables\t', 'ipvs\t', ...noFiles],
  ],
  [
    ['compile', '--backend=ipt'],
    ['--backend=iptables\t', ...noFiles],
  ],
  [['compile', '-f', 'sho'], files],
  [['compile', '--strict', ''], files],
  // The value of an option is not a command, whatever its text.
  [
    ['compile', '-f', 'explain', '--s'],
    ['--strict\tfail', ...noFiles],
  ],
  [
    ['explain', ''],
    ['packet\tof a packet', 'service\tof a Service', ...noFiles],
  ],
  [['explain', 'packet', ''], files],
  // Without a subcommand of explain, packet is meant.
  [
    ['explain', '--'],
    ['--via\twhere', '--help\tsay what the command takes', ...noFiles],
  ],
  [['explain', '10.1.0.9', ''], files],
  [
    ['explain', '10.1.0.9', 'shop/cart:http', '--v'],
    ['--via\twhere', ...noFiles],
  ],
  [
    ['explain', '--via', ''],
    ['node-port\t', 'all\t', ...noFiles],
  ],
  [
    ['explain', '10.1.0.9', 'shop/cart', '--via=n'],
    ['--via=node-port\t', ...noFiles],
  ],
  [
    ['explain', 'service', '--'],
    ['--without\twithout it', '--help\tsay what the command takes', ...noFiles],
  ],
  [
    ['completion', 'z'],
    ['zsh\t', ...noFiles],
  ],
  [
    ['nonsense', '--backend', ''],
    ["compile\tprint a node's rules", 'completion\t', 'explain\tsay why', ...noFiles],
  ],
])('after %j: %j', (words, offered) => {
  expect(offerText(offerFor(program, words)).split('\n')).toEqual(offered);
});
