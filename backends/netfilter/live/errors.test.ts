import { describe, expect, it } from 'vitest';
import type { CommandResult } from '../../command.ts';
import { classifyFailure, KernelError } from './errors.ts';

const nft = 'iptables-nft-restore v1.8.9 (nf_tables): ';
const legacy = 'iptables-restore v1.8.9 (legacy): ';
const at = (line: number) =>
  `Error occurred at line: ${line}\nTry \`iptables-restore -h' or 'iptables-restore --help' for more information.\n`;

/** What the programs of iptables 1.8.9 said, each to a mistake made on purpose. */
const said: readonly (readonly [string, number, string, object])[] = [
  [
    'lock',
    4,
    "Can't lock /run/xtables.lock: Resource temporarily unavailable\nAnother app is currently holding the xtables lock. Stopped waiting after 1s.\n",
    { reason: 'locked' },
  ],
  [
    'nft, not root',
    4,
    `${nft}Could not fetch rule set generation id: Permission denied (you must be root)\n`,
    { reason: 'no-privilege' },
  ],
  [
    'legacy, not root',
    3,
    "iptables v1.8.9 (legacy): can't initialize iptables table `nat': Permission denied (you must be root)\nPerhaps iptables or your kernel needs to be upgraded.\n",
    { reason: 'no-privilege' },
  ],
  [
    'legacy, no table',
    2,
    `${legacy}iptables-restore: unable to initialize table 'nut'\n${at(1)}`,
    { reason: 'unsupported', line: 1 },
  ],
  [
    'nft, no table',
    2,
    `${nft}iptables-nft-restore: line 1 table name 'nut' invalid\n${at(1)}`,
    { reason: 'unsupported', line: 1 },
  ],
  [
    'no match',
    2,
    `${legacy}Couldn't load match \`bogus':No such file or directory\n\n${at(2)}`,
    { reason: 'unsupported', line: 2 },
  ],
  [
    'legacy, no target',
    2,
    `${legacy}Couldn't load target \`BOGUS':No such file or directory\n\n${at(2)}`,
    { reason: 'unsupported', line: 2 },
  ],
  [
    'legacy, no chain',
    2,
    `${legacy}Couldn't load target \`KUBE-NOPE':No such file or directory\n\n${at(3)}`,
    { reason: 'refused', line: 3, chain: 'KUBE-NOPE' },
  ],
  [
    'nft, no chain',
    2,
    `${nft}Chain 'KUBE-NOPE' does not exist\n${at(4)}`,
    { reason: 'refused', line: 4, chain: 'KUBE-NOPE' },
  ],
  ['no set', 2, `${nft}Set NOSET doesn't exist.\n\n${at(2)}`, { reason: 'refused', line: 2 }],
  [
    'nft, kernel',
    4,
    `${nft}\nline 4: RULE_APPEND failed (Invalid argument): rule in chain POSTROUTING\n`,
    { reason: 'refused', line: 4, chain: 'POSTROUTING' },
  ],
  [
    'nft, chain in use',
    4,
    `${nft}\nline 3: CHAIN_DEL failed (Device or resource busy): chain KUBE-B\n`,
    { reason: 'refused', line: 3, chain: 'KUBE-B' },
  ],
  ['legacy, kernel', 1, 'iptables-restore: line 5 failed\n', { reason: 'refused', line: 5 }],
  [
    'nft, no rule',
    1,
    'iptables-nft-restore: line 2 failed: Bad rule (does a matching rule exist in that chain?).\n',
    { reason: 'refused', line: 2 },
  ],
  [
    'nft, too long',
    1,
    'sendmsg() failed: Message too long\niptables-nft-restore: line 801 failed: Message too long.\n',
    { reason: 'too-large' },
  ],
  ['option', 2, `${nft}unknown option "--bogus"\n${at(2)}`, { reason: 'malformed', line: 2 }],
  ['argument', 2, `Bad argument \`hello'\n${at(2)}`, { reason: 'malformed', line: 2 }],
  ['address', 2, `${legacy}host/network \`10.0.0.300' not found\n${at(2)}`, { reason: 'malformed', line: 2 }],
  ['no COMMIT', 1, 'iptables-nft-restore: COMMIT expected at line 3\n', { reason: 'malformed', line: 3 }],
  ['anything else', 1, 'something new\n', { reason: 'failed' }],
];

describe('classifyFailure', () => {
  it.each(said)('%s', (_, exitCode, stderr, facts) => {
    expect(classifyFailure({ exitCode, stdout: '', stderr })).toEqual(facts);
  });

  it.each<[CommandResult['failure'] & string, string]>([
    ['not-found', 'missing-tool'],
    ['no-permission', 'no-privilege'],
    ['not-started', 'not-started'],
    ['timeout', 'interrupted'],
    ['killed', 'interrupted'],
    ['output-too-long', 'truncated'],
  ])('a command that was %s', (failure, reason) => {
    expect(classifyFailure({ exitCode: undefined, stdout: '', stderr: '', failure })).toEqual({ reason });
  });
});

describe('the message', () => {
  it('names the command, the reason and what the tool said, in one line', () => {
    const error = new KernelError('iptables-restore --noflush', { reason: 'locked' }, said[0]?.[2] ?? '');
    expect(error.message).toBe(
      "iptables-restore --noflush: another program holds the lock: Can't lock /run/xtables.lock: Resource temporarily unavailable / Another app is currently holding the xtables lock. Stopped waiting after 1s.",
    );
  });

  it('is short however much the tool says', () => {
    const error = new KernelError('x', { reason: 'failed' }, 'y'.repeat(1_000_000));
    expect(error.message.length).toBeLessThan(700);
  });
});
