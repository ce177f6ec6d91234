import { execFileSync } from 'node:child_process';
import { Command, Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { addDefault } from '../terminal/command-tree.ts';
import { completionScript } from './completion.ts';

const program = new Command('slicewright');
program
  .command('compile')
  .summary("print a node's rules")
  .option('-f, --filename <path>', 'manifests')
  .addOption(new Option('--backend <name>', 'to what').choices(['iptables', 'ipvs']))
  .option('--strict', 'fail');
program.command('plan').summary('say').addOption(new Option('--secret', 'x').hideHelp());
const explain = program.command('explain').summary('say why');
addDefault(explain, 'packet')
  .summary('of a packet')
  .addOption(new Option('--backend <name>', 'in what').choices(['ipvs']));
explain.command('service').summary('of a Service').option('--without <cluster>', 'without it');

/** What bash offers for the last word of a line. */
function complete(...words: readonly string[]): string[] {
  const script = `${completionScript('bash', program)}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _slicewright; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const offered = execFileSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8' });
  return offered.split('\n').filter((word) => word !== '');
}

describe('bash is offered', () => {
  it.each([
    [
      ['slicewright', ''],
      ['compile', 'explain', 'plan', '--help'],
    ],
    [['slicewright', 'co'], ['compile']],
    [
      ['slicewright', 'compile', '--'],
      ['--filename', '--backend', '--strict', '--help'],
    ],
    [
      ['slicewright', 'compile', '--backend', 'ip'],
      ['iptables', 'ipvs'],
    ],
    [['slicewright', 'compile', '--strict', '--b'], ['--backend']],
    [
      ['slicewright', 'compile', '-f', 'packag'],
      ['package-lock.json', 'package.json'],
    ],
    [['slicewright', 'plan', '--'], ['--help']],
    [
      ['slicewright', 'explain', ''],
      ['packet', 'service', '--backend', '--help'],
    ],
    [
      ['slicewright', 'explain', 'service', '--'],
      ['--without', '--help'],
    ],
    [['slicewright', 'explain', 'packet', '--backend', ''], ['ipvs']],
    // Without a subcommand of explain, packet is meant.
    [
      ['slicewright', 'explain', '10.1.0.9', 'shop/cart:http', '--'],
      ['--backend', '--help'],
    ],
    [['slicewright', 'explain', '10.1.0.9', 'shop/cart:http', '--backend', ''], ['ipvs']],
  ])('after %j: %j', (words, offered) => expect(complete(...words).sort()).toEqual([...offered].sort()));
});

it('fish is offered every option with its choices', () => {
  const script = completionScript('fish', program);
  expect(script).toContain("-a compile -d 'print a node\\'s rules'");
  expect(script).toContain("from compile\" -l backend -r -a 'iptables ipvs' -d 'to what'");
  expect(script).toContain('from explain; and not __fish_seen_subcommand_from packet service" -a packet');
  expect(script).toContain('from explain; and __fish_seen_subcommand_from service" -l without -r');
  expect(script).toContain(
    "from explain; and not __fish_seen_subcommand_from packet service\" -l backend -r -a 'ipvs' -d 'in what'",
  );
  expect(script).not.toContain('secret');
});

it.each(['zsh', 'powershell'] as const)('%s asks the program itself', (shell) => {
  const script = completionScript(shell, program);
  expect(script).toContain(' __complete ');
  expect(script).not.toContain('strict');
});

it('no shell is offered a hidden command', () => {
  const hiding = new Command('slicewright');
  hiding.command('shown');
  hiding.command('__secret', { hidden: true });
  for (const shell of ['bash', 'fish'] as const) {
    expect(completionScript(shell, hiding)).toContain('shown');
    expect(completionScript(shell, hiding)).not.toContain('__secret');
  }
});
