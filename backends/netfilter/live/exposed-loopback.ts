import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';
import type { Run } from '../../command.ts';
import { readSysctl } from '../../host/sysctl.ts';
import { isGuarded, routeLocalnet } from '../loopback-guard.ts';
import { hasKubeProxy } from '../ownership.ts';
import type { Observation } from './observation.ts';

/**
 * The warning when the guard is gone and the setting that it protects against is still made. Slicewright cannot know which
 * program made the setting or still needs it, so it reports the setting and leaves it. A kube-proxy beside slicewright
 * has a guard of its own.
 */
export async function exposedLoopback(
  run: Run,
  before: Observation,
  after: Observation,
): Promise<Diagnostic | undefined> {
  const { prefix } = before.own;
  if (before.family !== 'IPv4' || !isGuarded(before.ruleset, prefix) || isGuarded(after.ruleset, prefix))
    return undefined;
  if (hasKubeProxy(after.foreign) || (await readSysctl(run, routeLocalnet)) !== '1') return undefined;
  const message =
    'is still 1, and the rule that blocked neighbours of this node from 127.0.0.1 is gone (CVE-2020-8558); ' +
    `unless something else needs it, as root on the node: sysctl -w ${routeLocalnet}=0`;
  return { severity: 'warning', code: 'route-localnet-open', object: { kind: 'sysctl', name: routeLocalnet }, message };
}
