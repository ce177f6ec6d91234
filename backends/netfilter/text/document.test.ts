import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compiledModule, templateFiles } from '../../../tools/precompile-templates.ts';
import { chainName, makeChain, makeHook } from '../chain.ts';
import { documentText, rulesetText } from './document.ts';
import { chainKey, type Ruleset } from '../rule.ts';

describe('documentText', () => {
  it('puts each table between its name and COMMIT', () => {
    const text = documentText([
      { name: 'filter', declared: ['KUBE-A'], lines: ['-A KUBE-A -j DROP', '-D INPUT -j KUBE-B', '-X KUBE-B'] },
      { name: 'nat', declared: [], lines: [] },
    ]);
    expect(text).toBe(
      '*filter\n:KUBE-A - [0:0]\n-A KUBE-A -j DROP\n-D INPUT -j KUBE-B\n-X KUBE-B\nCOMMIT\n*nat\nCOMMIT\n',
    );
  });

  it('says text as it is, though a template arranged it', () => {
    const line = `-A KUBE-A -m comment --comment "<&> {{lines}} \\'"`;
    expect(documentText([{ name: 'nat', declared: [], lines: [line] }])).toContain(`${line}\n`);
  });

  it.each([
    ['a line within a line', '-A KUBE-A -j KUBE-B\n-A INPUT -j ACCEPT'],
    ['another table', '-A KUBE-A\nCOMMIT\n*filter'],
    ['a carriage return', '-A KUBE-A\r'],
    ['an escape', '-A KUBE-A \u001b[2J'],
    ['a right-to-left override', '-A KUBE-A \u202e'],
    ['what is no command', 'COMMIT'],
    ['a flush', '-F KUBE-A'],
    ['nothing', ''],
  ])('refuses %s, and names the line', (_, line) => {
    expect(() => documentText([{ name: 'nat', declared: [], lines: [line] }])).toThrow(JSON.stringify(line));
  });

  it.each(['KUBE-A\n-A', 'KUBE-A - [0:0]\n:INPUT', 'KUBE-A\r', ''])('declares no chain %j', (name) => {
    expect(() => documentText([{ name: 'nat', declared: [name], lines: [] }])).toThrow(JSON.stringify(name));
  });

  it('never declares a chain of the kernel', () => {
    expect(() => documentText([{ name: 'nat', declared: ['OUTPUT'], lines: [] }])).toThrow('OUTPUT');
  });
});

describe('rulesetText', () => {
  it('shows hooks, then chains by name, and leaves out tables that hold nothing', () => {
    const [a, b] = [chainName('KUBE-A'), chainName('KUBE-B')];
    const chains = [makeChain('IPv4', 'nat', b, [{ matches: [] }]), makeChain('IPv4', 'nat', a, [])];
    const to = { matches: [], target: { kind: 'jump', chain: b } } as const;
    const ruleset: Ruleset = {
      family: 'IPv4',
      chains: new Map(chains.map((chain) => [chainKey(chain.table, chain.name), chain])),
      hooks: [makeHook('IPv4', 'nat', 'OUTPUT', to), makeHook('IPv4', 'nat', 'PREROUTING', to)],
    };
    expect(rulesetText(ruleset)).toBe(
      [
        '*nat',
        ':KUBE-A - [0:0]',
        ':KUBE-B - [0:0]',
        '-A PREROUTING -j KUBE-B',
        '-A OUTPUT -j KUBE-B',
        '-A KUBE-B',
        'COMMIT',
        '',
      ].join('\n'),
    );
  });
});

describe('templates', () => {
  it.each(templateFiles())('%s is compiled as it stands', (file) => {
    expect(readFileSync(`${file}.ts`, 'utf8')).toBe(compiledModule(file, readFileSync(file, 'utf8')));
  });
});
