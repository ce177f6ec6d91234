import { Argument, Command, Option } from 'commander';
import { expect, it } from 'vitest';
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
explain.command('packet').summary('of a packet').argument('<packet>');

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
  // The value of an option is no command, whatever it is called.
  [
    ['compile', '-f', 'explain', '--s'],
    ['--strict\tfail', ...noFiles],
  ],
  [
    ['explain', ''],
    ['packet\tof a packet', ...noFiles],
  ],
  [['explain', 'packet', ''], files],
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
