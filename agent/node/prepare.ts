import type { Run } from '../../backends/command.ts';
import { IpvsError } from '../../backends/ipvs/errors.ts';
import { checkHost, prepareHost, reuseSysctls } from '../../backends/ipvs/host.ts';
import { ipvsSysctls } from '../../backends/ipvs/link.ts';
import { ensureSysctls } from '../../backends/sysctl.ts';
import { mayServeLoopback } from '../../compiler/ir/build-node-context.ts';
import type { Settings } from '../../compiler/settings.ts';
import type { Configuration } from '../config/config.ts';
import { routeLocalnet } from '../local-node-ports.ts';
import { conntrackMax, conntrackMaxSysctl, conntrackSysctls } from './conntrack.ts';
import { raiseHashSize } from './hash-size.ts';
import { ipvsModules, loadModules } from './modules.ts';
import { type Preparation, sysctlPreparation } from './preparation.ts';

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

type Wanted = Pick<Configuration, 'backend' | 'settings' | 'agent'>;

/**
 * At the start of the agent.
 *
 * cpus     cores of the machine
 * throws   IpvsError in IPVS mode on a machine that has no IPVS or not the scheduler
 */
export async function prepareNode(run: Run, wanted: Wanted, cpus: number): Promise<Preparation[]> {
  const { ipvs } = wanted.settings;
  const problems: Preparation[] = [];
  if (wanted.backend === 'ipvs') {
    await checkHost(run, ipvs);
    const object = { kind: 'machine', name: 'IPVS' } as const;
    for (const message of await prepareHost(run, ipvs)) {
      problems.push({ kind: 'failed', object, code: 'ipvs-setting', message, isNeeded: false });
    }
  }
  return [...(await prepareConntrack(run, wanted, cpus)), ...problems];
}

/** `--init-only`: all that the agent cannot do with NET_ADMIN alone. */
export async function initialiseNode(run: Run, wanted: Wanted, cpus: number): Promise<Preparation[]> {
  const { backend, settings } = wanted;
  const modules = await loadModules(run, backend === 'ipvs' ? ipvsModules(settings.ipvs.scheduler) : ['nf_conntrack']);
  return [
    ...modules,
    ...(await prepareConntrack(run, wanted, cpus)),
    ...(backend === 'ipvs' ? await initialiseIpvs(run, settings.ipvs) : await initialiseIptables(run, settings)),
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

/** kube-proxy sets it whenever it may come to be wanted; the agent does with the first node port. */
async function initialiseIptables(run: Run, settings: Settings): Promise<Preparation[]> {
  if (!mayServeLoopback(settings)) return [];
  const outcomes = await ensureSysctls(run, new Map([[routeLocalnet, '1']]));
  return outcomes.map((outcome) => sysctlPreparation(outcome, 'route-localnet'));
}

async function initialiseIpvs(run: Run, ipvs: Settings['ipvs']): Promise<Preparation[]> {
  const sysctls = new Map([...ipvsSysctls(ipvs.strictArp), ...(await reuseSysctls(run))]);
  const works = await tryIpvs(run, ipvs);
  const outcomes = await ensureSysctls(run, sysctls);
  return [works, ...outcomes.map((outcome) => sysctlPreparation(outcome, 'ipvs-setting', true))];
}

async function tryIpvs(run: Run, ipvs: Settings['ipvs']): Promise<Preparation> {
  const facts = { object: { kind: 'machine', name: 'IPVS' } as const, code: 'ipvs-unavailable', isNeeded: true };
  try {
    await checkHost(run, ipvs);
    return { ...facts, kind: 'already', message: `works, with scheduler ${ipvs.scheduler}` };
  } catch (error) {
    if (!(error instanceof IpvsError)) throw error;
    return { ...facts, kind: 'failed', message: error.message };
  }
}
