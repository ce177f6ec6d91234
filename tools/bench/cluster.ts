import type { Target as Wanted } from '../../backends/target.ts';
import { assemble, type Assembled } from '../../backends/assemble.ts';
import { iptables, type IptablesUnit } from '../../backends/iptables/index.ts';
import type { Target } from '../../backends/netfilter/live/observation.ts';
import type { Ruleset } from '../../backends/netfilter/rule.ts';
import { compile } from '../../compiler/index.ts';
import { defaultSettings } from '../../compiler/settings.ts';

/** What iptables mode makes of objects, in IPv4. */
export interface Compiled extends Assembled<IptablesUnit, Ruleset> {
  readonly target: Target;
  readonly wanted: Wanted;
}

export function compileObjects(objects: readonly unknown[]): Compiled {
  const wanted = wantedOf(objects);
  const assembled = assemble(iptables, wanted.services, wanted.node);
  return { ...assembled, target: { program: assembled.program, services: wanted.services }, wanted };
}

/** What every backend is given of them. */
export function wantedOf(objects: readonly unknown[]): Wanted {
  const { services, node, diagnostics } = compile({
    clusters: [{ cluster: undefined, objects }],
    settings: defaultSettings,
    nodeName: undefined,
    localAddresses: undefined,
  });
  const bad = diagnostics.find(({ severity }) => severity !== 'info');
  if (bad !== undefined) throw new Error(`the generated objects are not valid: ${bad.message}`);
  return { services: services.IPv4, node: node.IPv4 };
}
