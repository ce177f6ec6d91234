import { ownChains, scopeFor } from '../helpers/scope.ts';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Run } from '../../backends/command.ts';
import { assemble } from '../../backends/assemble.ts';
import { applyProgram } from '../../backends/ipvs/live/apply.ts';
import { ipvs } from '../../backends/ipvs/index.ts';
import { observeProgram, observeProgramAgain } from '../../backends/ipvs/live/observe.ts';
import { performStep } from '../../backends/ipvs/live/perform.ts';
import { planProgram } from '../../backends/ipvs/plan/plan.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import { arbitraryServices } from '../helpers/arbitrary-ir.ts';
import { findUnsafe } from '../helpers/ipvs-safety.ts';
import { makeNode } from '../helpers/ir.ts';
import type { Network } from '../netns/network.ts';
import { describeIn } from '../place.ts';
import { bootIpvsNetwork, ipvsAvailability } from '../vm/network.ts';
import { programText, remains } from './kernel.ts';

const { place, missing } = await ipvsAvailability();

const node = makeNode();
/** Always the same walks: what failed once is found again. */
const walk = fc.sample(arbitraryServices(), { seed: 17, numRuns: 7 });
const programOf = (services: readonly ServicePortIR[]) => assemble(ipvs, services, node).program;

describeIn(place, missing, 'random walks between programs on a real kernel', () => {
  let network: Network;
  let run: Run;
  beforeAll(async () => {
    network = await bootIpvsNetwork();
    run = network.run('node');
  }, 1_500_000);
  afterAll(() => network?.close());

  test('after each step every probe gets its old verdict or its new one, and each program is reached', async () => {
    let old: readonly ServicePortIR[] = [];
    let observed = await observeProgram(run, 'IPv4', ownChains);
    for (const young of walk.slice(0, 4)) {
      const desired = programOf(young);
      const states = [observed];
      for (let steps = planProgram(observed, desired); steps.length > 0; steps = planProgram(observed, desired)) {
        for (const step of steps) {
          await performStep(step, run);
          observed = await observeProgramAgain(run, observed, ownChains);
          states.push(observed);
        }
      }
      expect(programText(observed)).toBe(programText(desired));
      expect(findUnsafe(states, { old, young, node })).toBeUndefined();
      old = young;
    }
  }, 1_500_000);

  test('whatever is killed, and wherever, the next apply converges and others keep theirs', async () => {
    await run(
      'ipvsadm',
      ['--restore'],
      '-A -t 198.51.100.9:80 -s wlc\n-a -t 198.51.100.9:80 -r 198.51.100.10:80 -g -w 7\n',
    );
    await run('ipset', ['restore'], 'create blocked hash:ip\nadd blocked 198.51.100.66\n');
    const others = async () => [
      (await run('ipvsadm', ['--save', '-n'])).stdout.split('\n').filter((line) => line.includes('198.51.100.')),
      (await run('ipset', ['save', 'blocked'])).stdout,
    ];
    const before = await others();
    for (const [i, services] of walk.entries()) {
      const target = { program: programOf(services), services };
      await applyProgram(dying(run, 3 * i + 2, 0.05 * (i + 1)), scopeFor('IPv4'), target).catch(() => {});
      const { observed } = await applyProgram(run, scopeFor('IPv4'), target, { cut: true });
      expect(programText(observed)).toBe(programText(target.program));
    }
    expect(await others()).toEqual(before);
    await applyProgram(run, scopeFor('IPv4'), { program: undefined, services: [] }, { cut: true });
    expect((await remains(run)).filter((line) => !/198\.51\.100\.|blocked/.test(line))).toEqual([]);
  }, 1_500_000);
});

/** Runs commands until one of them is killed with -9, before, in or after its work, and none after that. */
function dying(run: Run, at: number, seconds: number): Run {
  let scripts = 0;
  return (file, args, input) => {
    if (scripts >= at) return Promise.resolve({ exitCode: undefined, stdout: '', stderr: '', failure: 'killed' });
    if (input === undefined || ++scripts < at) return run(file, args, input);
    return run('timeout', ['--signal', 'KILL', String(seconds), file, ...args], input);
  };
}
