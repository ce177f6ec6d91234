import { expect, it } from 'vitest';
import type { CommandResult } from './command.ts';
import { meterForgetting } from './forgetting.ts';

it('adds up a round of deletions, and leaves other commands alone', async () => {
  let ms = 0;
  const said = ['3 flow entries have been deleted.', '0 flow entries have been deleted.', ''];
  const { run, takeRound } = meterForgetting(
    () => {
      ms += 5;
      const result: CommandResult = { exitCode: 0, stdout: '', stderr: said.shift() ?? '' };
      return Promise.resolve(result);
    },
    () => ms,
  );
  expect(takeRound()).toBeUndefined();
  await run('conntrack', ['-D', '-p', 'udp']);
  await run('conntrack', ['-D', '-p', 'udp']);
  await run('iptables-save', []);
  expect(takeRound()).toEqual({ spentMs: 10, deleted: 3 });
  expect(takeRound()).toBeUndefined();
  await run('conntrack', ['-L', '-p', 'udp']);
  expect(takeRound()).toEqual({ spentMs: 5, deleted: undefined });
});
