import { expect, it } from 'vitest';
import { targetsOf } from '../../agent/planning/targets.ts';
import { byName } from '../../backends/index.ts';
import { formatMismatch } from '../../compiler/semantics/verify.ts';
import { families } from '../../compiler/values/address.ts';
import { caseNames, compileCase } from './cases.ts';

const { verify } = await (await byName('iptables')).witness();

/** kube-proxy's rules are right by definition here: so this tests the reference as much as the rules. */
it.each(caseNames)('every probe of %s is treated as the Services say, with and without compat', (name) => {
  for (const compat of ['kube-proxy', 'none'] as const) {
    const targets = targetsOf(compileCase(name, compat));
    const mismatches = families.flatMap((family) => verify(targets[family]));
    expect(mismatches.map(formatMismatch)).toEqual([]);
  }
});
