import { expect, it } from 'vitest';
import type { CommandResult, Run } from '../../backends/command.ts';
import { classifyFailure } from '../../backends/netfilter/live/errors.ts';
import { createFakeKernel } from '../../backends/netfilter/fake/kernel.ts';
import type { Mode } from '../../backends/netfilter/live/kernel.ts';
import { parseSave } from '../../backends/netfilter/text/parse.ts';
import { rulesetText } from '../../backends/netfilter/text/document.ts';
import { bootNetwork } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { emptyHost } from '../tables/scratch.ts';

const { lacks } = await probeSupport();

/** Documents one after the other into the same tables: what stands after each is what the next one meets. */
const documents: readonly (readonly [string, string])[] = [
  [
    'chains and a jump',
    '*nat\n:KUBE-A - [0:0]\n:KUBE-B - [0:0]\n-A KUBE-A -s 10.0.0.1/32 -j KUBE-B\n-A KUBE-A -j KUBE-B\nCOMMIT\n',
  ],
  ['hooks', '*nat\n-I OUTPUT -j KUBE-A\n-I OUTPUT -m comment --comment "a b" -j KUBE-B\nCOMMIT\n'],
  ['a jump to nowhere', '*nat\n:KUBE-C - [0:0]\n-A KUBE-C -s 10.0.0.1/32 -j KUBE-NOPE\n-A KUBE-C -j RETURN\nCOMMIT\n'],
  ['a rule for a missing chain', '*nat\n-A KUBE-ZZZ -s 10.0.0.1/32 -j RETURN\nCOMMIT\n'],
  ['deleting what is referred to', '*nat\n:KUBE-B - [0:0]\n-X KUBE-B\nCOMMIT\n'],
  ['deleting what is not empty', '*nat\n-X KUBE-A\nCOMMIT\n'],
  ['deleting what is not there', '*nat\n-X KUBE-MISSING\nCOMMIT\n'],
  ['a name too long', '*nat\n:KUBE-ABCDEFGHIJKLMNOPQRSTUVWXYZ - [0:0]\nCOMMIT\n'],
  ['an unknown option', '*nat\n-A KUBE-A --bogus\nCOMMIT\n'],
  ['an unknown table', '*nut\nCOMMIT\n'],
  ['no COMMIT', '*nat\n:KUBE-Q - [0:0]\n'],
  ['a line that is none', '*nat\nhello\nCOMMIT\n'],
  ['deleting a missing rule', '*nat\n-D KUBE-A -s 10.9.9.9/32 -j RETURN\nCOMMIT\n'],
  ['inserting too far', '*nat\n-I KUBE-A 9 -s 10.9.9.9/32 -j RETURN\nCOMMIT\n'],
  [
    'in place',
    '*nat\n-D KUBE-A -s 10.0.0.1/32 -j KUBE-B\n-I KUBE-A 1 -s 10.0.0.9/32 -j KUBE-B\n-I KUBE-A 2 -s 10.0.0.8/32 -j RETURN\nCOMMIT\n',
  ],
  ['DROP in nat', '*nat\n-A KUBE-A -j DROP\nCOMMIT\n'],
  ['a circle', '*nat\n:KUBE-A - [0:0]\n-A KUBE-A -j KUBE-A\nCOMMIT\n'],
  [
    'translating where packets leave',
    '*nat\n:KUBE-P - [0:0]\n-A KUBE-P -p tcp -m tcp -j DNAT --to-destination 10.0.0.1:80\n-A POSTROUTING -j KUBE-P\nCOMMIT\n',
  ],
  [
    'filter taken, nat refused',
    '*filter\n:KUBE-F - [0:0]\n-I INPUT -j KUBE-F\nCOMMIT\n*nat\n-A KUBE-ZZZ -j RETURN\nCOMMIT\n',
  ],
  [
    'a table twice',
    '*filter\n:KUBE-F - [0:0]\n-A KUBE-F -j ACCEPT\nCOMMIT\n*nat\nCOMMIT\n*filter\n:KUBE-F - [0:0]\n-D INPUT -j KUBE-F\n-X KUBE-F\nCOMMIT\n',
  ],
  [
    'the last reference and its chain',
    '*nat\n:KUBE-A - [0:0]\n:KUBE-B - [0:0]\n-D OUTPUT -j KUBE-A\n-D OUTPUT -m comment --comment "a b" -j KUBE-B\n-X KUBE-A\n-X KUBE-B\nCOMMIT\n',
  ],
  ['nothing', '*nat\nCOMMIT\n'],
];

for (const mode of ['nft', 'legacy'] as const) {
  describeIn('network namespace', lacks.namespaces ?? lacks[mode], `the fake kernel in ${mode} mode`, () => {
    it('takes and refuses what the real one does, in the same words', async () => {
      await using network = await bootNetwork(emptyHost);
      const real = await answers(network.run('scratch'), mode);
      const fake = await answers(createFakeKernel(mode).run, mode);
      expect(fake).toEqual(real);
    });

    it('is denied like the real one where we may not', async () => {
      await using network = await bootNetwork(emptyHost);
      const host = network.run('scratch');
      const denied: Run = (file, args, input) =>
        host(
          'setpriv',
          ['--bounding-set', '-all', '--inh-caps', '-all', '--ambient-caps', '-all', file, ...args],
          input,
        );
      const fake = createFakeKernel(mode, { noPrivilege: true }).run;
      for (const run of [denied, fake]) {
        const said = [
          await run(`iptables-${mode}-restore`, ['--noflush', '-w', '5'], '*nat\nCOMMIT\n'),
          await run(`iptables-${mode}-save`, []),
          await run(`iptables-${mode}`, ['-w', '5', '-t', 'nat', '-S']),
        ];
        expect(
          said.map((result) => [result.exitCode, result.exitCode === 0 ? '' : classifyFailure(result).reason]),
        ).toEqual(
          mode === 'nft'
            ? [
                [4, 'no-privilege'],
                [4, 'no-privilege'],
                [4, 'no-privilege'],
              ]
            : [
                [2, 'unsupported'],
                [0, ''],
                [3, 'no-privilege'],
              ],
        );
      }
    });
  });
}

/** What each document is answered, what that is taken for, and what stands then. */
async function answers(run: Run, mode: Mode): Promise<object[]> {
  const found: object[] = [];
  for (const [name, text] of documents) {
    const result = await run(`iptables-${mode}-restore`, ['--noflush', '-w', '5'], text);
    const saved = await run(`iptables-${mode}-save`, []);
    const { ruleset } = parseSave(saved.stdout, 'IPv4', (_, chain) => chain.startsWith('KUBE-'));
    const facts = result.exitCode === 0 ? undefined : classifyFailure(result);
    found.push({ name, exitCode: result.exitCode, facts, said: words(result), after: rulesetText(ruleset) });
  }
  return found;
}

/** Without what the real programs say of options that only they can take apart. */
function words({ stderr }: CommandResult): string {
  return stderr.replace(/unknown option ".*"/, 'unknown option');
}
