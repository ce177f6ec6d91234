import { describe, expect, it } from 'vitest';
import { createFakeKernel } from '../../netfilter/fake/kernel.ts';
import { apply, servicesWith, target } from '../../../test/helpers/apply.ts';
import { createHookGlance } from './glance.ts';

/** A kernel with slicewright's rules, and a glance at the hooks that were put there. */
async function watched() {
  const kernel = createFakeKernel();
  const { observed } = await apply(kernel.run, target(...servicesWith(2)));
  const glance = createHookGlance('IPv4', kernel.run);
  return { kernel, glance: () => glance(observed.tools.iptables, observed.ruleset.hooks) };
}

describe('a glance at hooks', () => {
  it('suspects nobody where all is in place, at every turn', async () => {
    const { glance } = await watched();
    for (let turn = 0; turn < 6; turn++) expect(await glance()).toBeUndefined();
  });

  it.each(['nat', 'filter'])('finds at once that table %s was flushed, whose turn it may be', async (table) => {
    for (let turn = 0; turn < 4; turn++) {
      const { kernel, glance } = await watched();
      for (let before = 0; before < turn; before++) await glance();
      const saved = kernel.save('IPv4');
      const others = saved.split(/^(?=\*)/m).filter((part) => !part.startsWith(`*${table}`));
      kernel.load('IPv4', others.join(''));
      expect(await glance()).toMatch(new RegExp(`^${table} -A `));
    }
  });

  it('finds a single hook that is gone within three', async () => {
    const { kernel, glance } = await watched();
    kernel.load('IPv4', kernel.save('IPv4').replace(/^-A POSTROUTING .*\n/m, ''));
    const seen = [await glance(), await glance(), await glance()];
    expect(seen.filter((missing) => missing !== undefined)).toEqual([
      expect.stringContaining('nat -A POSTROUTING -m comment'),
    ]);
  });

  it('draws no conclusion from a tool that fails', async () => {
    const { kernel } = await watched();
    const { observed } = await apply(kernel.run, target(...servicesWith(2)));
    const locked = createHookGlance('IPv4', async () => ({ exitCode: 4, stdout: '', stderr: 'xtables lock' }));
    expect(await locked(observed.tools.iptables, observed.ruleset.hooks)).toBeUndefined();
  });
});
