import { describe, expect, it } from 'vitest';
import { assemble } from '../../backends/assemble.ts';
import { iptables } from '../../backends/iptables/index.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { families } from '../../compiler/values/address.ts';
import { caseNames, compileCase, expectedFile } from './cases.ts';
import { comparable } from './compare.ts';
import { describeDifference, deviations } from './deviations.ts';

const files = { IPv4: 'expected.iptables-save', IPv6: 'expected.ip6tables-save' } as const;

/** Every case and family that a real kube-proxy ran in iptables mode. */
const expectations = caseNames.flatMap((name) =>
  families.flatMap((family) => {
    const expected = expectedFile(name, files[family]);
    return expected === undefined ? [] : [{ name, family, expected }];
  }),
);

function print(services: readonly ServicePortIR[], node: NodeContext): string {
  return iptables.print(assemble(iptables, services, node).program);
}

it('there are 68 cases for IPv4 and 3 for IPv6', () => {
  expect(families.map((family) => expectations.filter((one) => one.family === family).length)).toEqual([68, 3]);
});

describe('with --compat kube-proxy the program is kube-proxy’s', () => {
  it.each(expectations)('$name $family', ({ name, family, expected }) => {
    const { services, node } = compileCase(name, 'kube-proxy');
    expect(comparable(print(services[family], node[family]))).toEqual(comparable(expected));
  });
});

/**
 * Our own rules decide some Service ports otherwise. Those are named, with the difference and the
 * rule that asks for it; with just them put back, the program must be kube-proxy's again.
 */
describe('without it, every difference is one that we mean', () => {
  it.each(expectations)('$name $family', ({ name, family, expected }) => {
    const kubeProxy = compileCase(name, 'kube-proxy').services[family];
    const { services, node } = compileCase(name, 'none');
    const differences: Record<string, string[]> = {};
    const putBack = services[family].map((ours) => {
      const theirs = kubeProxy.find((ir) => ir.id === ours.id);
      if (theirs === undefined || theirs.hash === ours.hash) return ours;
      const difference = describeDifference(theirs, ours);
      if (difference.length > 0) differences[ours.id] = difference;
      return difference.length > 0 ? theirs : ours;
    });
    expect(differences).toEqual((family === 'IPv4' ? deviations[name]?.differences : undefined) ?? {});
    expect(comparable(print(putBack, node[family]))).toEqual(comparable(expected));
  });
});
