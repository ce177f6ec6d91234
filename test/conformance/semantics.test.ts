import { expect, it } from 'vitest';
import { assemble } from '../../backends/assemble.ts';
import { iptables } from '../../backends/iptables/index.ts';
import { traceRuleset } from '../../backends/netfilter/trace.ts';
import { formatMismatch, verify } from '../../compiler/semantics/verify.ts';
import { families } from '../../compiler/values/address.ts';
import { caseNames, compileCase } from './cases.ts';

/** kube-proxy's rules are right by definition here: so this tests the reference as much as the rules. */
it.each(caseNames)('every probe of %s is treated as the Services say, with and without compat', (name) => {
  for (const compat of ['kube-proxy', 'none'] as const) {
    const { services, node } = compileCase(name, compat);
    for (const family of families) {
      const { program } = assemble(iptables, services[family], node[family]);
      const mismatches = verify(services[family], node[family], (packet) =>
        traceRuleset(program, packet, node[family]),
      );
      expect(mismatches.map(formatMismatch).join('\n'), `${family}, compat ${compat}`).toBe('');
    }
  }
});
