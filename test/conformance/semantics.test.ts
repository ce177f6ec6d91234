import { expect, it } from 'vitest';
import { loadVerifier } from '../../backends/verifiers.ts';
import { formatMismatch } from '../../compiler/semantics/verify.ts';
import { families } from '../../compiler/values/address.ts';
import { caseNames, compileCase } from './cases.ts';

const verify = await loadVerifier('iptables');

/** kube-proxy's rules are right by definition here: so this tests the reference as much as the rules. */
it.each(caseNames)('every probe of %s is treated as the Services say, with and without compat', (name) => {
  for (const compat of ['kube-proxy', 'none'] as const) {
    const { services, node } = compileCase(name, compat);
    const mismatches = families.flatMap((family) => verify(services[family], node[family]));
    expect(mismatches.map(formatMismatch)).toEqual([]);
  }
});
