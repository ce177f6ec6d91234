import type { LiveBackend } from '../../backends/backend.ts';
import type { Run } from '../../backends/command.ts';
import { loadModules } from '../../backends/host/modules.ts';
import { type Preparation, sysctlPreparation } from '../../backends/host/preparation.ts';
import { ensureSysctls } from '../../backends/host/sysctl.ts';
import type { Configuration } from '../config/config.ts';
import { conntrackMax, conntrackMaxSysctl, conntrackSysctls } from './conntrack.ts';
import { raiseHashSize } from './hash-size.ts';

/*
 * What comes before the first rule, in two depths.
 *
 * The agent at its start does what it may. kube-proxy ends when a setting of conntrack cannot be
 * written; here that is a warning with the command to run, because the settings are about how many connections a
 * node stands and for how long, and a node without rules stands none. Nothing is written that has its value
 * already, so after an administrator or `--init-only` has set all, the agent writes nothing and warns of nothing.
 *
 * `--init-only` does whatever needs more than NET_ADMIN, for an init container: runtimes mount
 * /proc/sys read-only for every container that is not privileged. It fails where Services would not work
 * afterwards, and nowhere else: a container that fails keeps the agent from starting.
 */

type Wanted = Pick<Configuration, 'settings' | 'agent'> & { readonly live: LiveBackend };

/**
 * At the start of the agent.
 *
 * cpus     cores of the machine
 * throws   BackendError on a machine that cannot do what the backend needs: IPVS mode without IPVS
 */
export async function prepareNode(run: Run, wanted: Wanted, cpus: number): Promise<Preparation[]> {
  const { live, settings } = wanted;
  await live.check(run, settings);
  const prepared = await live.prepare(run, settings);
  return [...(await prepareConntrack(run, wanted, cpus)), ...prepared];
}

/** `--init-only`: all that the agent cannot do with NET_ADMIN alone. */
export async function initialiseNode(run: Run, wanted: Wanted, cpus: number): Promise<Preparation[]> {
  const { live, settings } = wanted;
  return [
    ...(await loadModules(run, live.modules(settings))),
    ...(await prepareConntrack(run, wanted, cpus)),
    ...(await live.initialise(run, settings)),
  ];
}

async function prepareConntrack(run: Run, { agent }: Wanted, cpus: number): Promise<Preparation[]> {
  const wanted = conntrackSysctls(agent.conntrack, cpus);
  if (wanted.size === 0) return [];
  await wakeConntrack(run);
  const outcomes = await ensureSysctls(run, wanted);
  const preparations = outcomes.map((outcome) => sysctlPreparation(outcome, 'conntrack-setting'));
  const max = conntrackMax(agent.conntrack, cpus);
  const isMaxSet = outcomes.some(({ name, kind }) => name === conntrackMaxSysctl && kind !== 'failed');
  if (max !== undefined && isMaxSet) preparations.push(await raiseHashSize(run, Math.floor(max / 4)));
  return preparations;
}

/** On a node that has just booted nothing has needed conntrack yet, and its settings are not there. */
async function wakeConntrack(run: Run): Promise<void> {
  const { stdout } = await run('sysctl', ['-e', conntrackMaxSysctl]);
  if (!stdout.includes(conntrackMaxSysctl)) await loadModules(run, ['nf_conntrack']);
}
