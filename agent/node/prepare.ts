import type { LiveBackend } from '../../backends/backend.ts';
import type { Run } from '../../backends/command.ts';
import { loadModules } from '../../backends/host/modules.ts';
import { type Preparation, sysctlPreparation } from '../../backends/host/preparation.ts';
import { ensureSysctls } from '../../backends/host/sysctl.ts';
import type { Configuration } from '../config/config.ts';
import { conntrackMax, conntrackMaxSysctl, conntrackSysctls } from './conntrack.ts';
import { raiseHashSize } from './hash-size.ts';

/*
 * The preparations before the first rule, in two forms.
 *
 * The agent prepares at its start what its privileges allow. kube-proxy ends if a setting of conntrack cannot be
 * written; the agent prints a warning with the command to run, because the settings say how many connections a
 * node can hold and for how long, and a node without rules holds none. A setting that has its value already is
 * not written, so after an administrator or `--init-only` has made all settings, the agent writes none and warns of none.
 *
 * `--init-only` does everything that needs more than NET_ADMIN, for an init container: runtimes mount
 * /proc/sys read-only for every container that is not privileged. It fails only if Services would not work
 * afterwards, because a failed init container keeps the agent from starting.
 */

type Wanted = Pick<Configuration, 'settings' | 'agent'> & { readonly live: LiveBackend };

/**
 * The agent's preparations at its start.
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

/** The preparations of `--init-only`: everything that the agent cannot do with NET_ADMIN alone. */
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

/** On a freshly booted node nothing has used conntrack yet, so its module and settings are missing. */
async function wakeConntrack(run: Run): Promise<void> {
  const { stdout } = await run('sysctl', ['-e', conntrackMaxSysctl]);
  if (!stdout.includes(conntrackMaxSysctl)) await loadModules(run, ['nf_conntrack']);
}
