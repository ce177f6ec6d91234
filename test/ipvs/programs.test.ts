import { afterAll, beforeAll, expect, test } from 'vitest';
import { assemble } from '../../backends/assemble.ts';
import { ipvs } from '../../backends/ipvs/index.ts';
import { planProgram } from '../../backends/ipvs/plan/plan.ts';
import { families } from '../../compiler/values/address.ts';
import { caseNames, compileCase } from '../conformance/cases.ts';
import type { Network } from '../netns/network.ts';
import { describeIn } from '../place.ts';
import { bootIpvsNetwork, ipvsAvailability } from '../vm/network.ts';
import { openNode, programText, remains } from './kernel.ts';

const { place, missing } = await ipvsAvailability();

/**
 * Commands cost dozens of milliseconds and more under emulation, so cases follow each other on one
 * node, each from what the one before left; every eighth begins and ends with nothing.
 */
const stride = 8;
const groups = Array.from({ length: Math.ceil(caseNames.length / stride) }, (_, i) =>
  caseNames.slice(i * stride, (i + 1) * stride),
);

describeIn(place, missing, 'every conformance case on a real kernel', () => {
  let network: Network;
  beforeAll(async () => {
    network = await bootIpvsNetwork();
  }, 1_500_000);
  afterAll(() => network?.close());

  test('a tool that refuses one line of several says so, and takes the others', async () => {
    const run = network.run('node');
    const at = '-t 192.0.2.1:80';
    const script = `-A ${at} -s rr\n-a ${at} -r 10.1.0.1:80 -m -w 1\n`;
    expect(await run('ipvsadm', ['--restore'], script)).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
    const again = await run(
      'ipvsadm',
      ['--restore'],
      `-a ${at} -r 10.1.0.1:80 -m -w 1\n-a ${at} -r 10.1.0.2:80 -m -w 0\n`,
    );
    expect(again).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('already exists') as string });
    const { stdout } = await run('ipvsadm', ['--list', '-n', ...at.split(' ')]);
    expect(stdout).toMatch(/-> 10\.1\.0\.2:80 +Masq +0 +0 +0/);
    expect((await run('ipvsadm', ['--list', '-n', '-t', '192.0.2.2:80'])).exitCode).not.toBe(0);
    await run('ipvsadm', ['-D', ...at.split(' ')]);
    expect(await remains(run)).toEqual([]);
  }, 600_000);

  test.each(groups.map((names) => [names[0], names.at(-1), names] as const))(
    '%s to %s: applied, read back equal, nothing to do then, cleaned up to nothing',
    async (_first, _last, names) => {
      const run = network.run('node');
      const nodes = { IPv4: openNode(run, 'IPv4'), IPv6: openNode(run, 'IPv6') };
      for (const name of names) {
        const { services, node } = compileCase(name, 'none', 'ipvs');
        for (const family of families.filter((each) => services[each].length > 0)) {
          const { program } = assemble(ipvs, services[family], node[family]);
          const { observed } = await nodes[family].apply(services[family], node[family], { cut: true });
          expect(programText(observed), name).toBe(programText(program));
          expect(planProgram(observed, program), name).toEqual([]);
        }
      }
      for (const family of families) if (nodes[family].program() !== undefined) await nodes[family].remove();
      expect(await remains(run)).toEqual([]);
    },
    600_000,
  );
});
