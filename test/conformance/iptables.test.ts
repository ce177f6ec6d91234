import { describe, expect, it } from 'vitest';
import { assemble } from '../../backends/assemble.ts';
import { iptables } from '../../backends/iptables/index.ts';
import type { Compat } from '../../compiler/settings.ts';
import { families } from '../../compiler/values/address.ts';
import { caseNames, compileCase, expectedFile } from './cases.ts';
import { comparable } from './compare.ts';

const files = { IPv4: 'expected.iptables-save', IPv6: 'expected.ip6tables-save' } as const;

/** Every case and family that a real kube-proxy ran in iptables mode. */
const expectations = caseNames.flatMap((name) =>
  families.flatMap((family) => {
    const expected = expectedFile(name, files[family]);
    return expected === undefined ? [] : [{ name, family, expected }];
  }),
);

function ours(name: string, family: (typeof families)[number], compat: Compat): string {
  const { services, node } = compileCase(name, compat);
  return iptables.print(assemble(iptables, services[family], node[family]).program);
}

describe('with --compat kube-proxy the program is kube-proxy’s', () => {
  it.each(expectations)('$name $family', ({ name, family, expected }) => {
    expect(comparable(ours(name, family, 'kube-proxy'))).toEqual(comparable(expected));
  });
});
