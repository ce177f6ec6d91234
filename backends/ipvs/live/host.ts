import type { Settings } from '../../../compiler/settings.ts';
import type { Run } from '../../command.ts';
import { ensureSysctls, sysctlProblem } from '../../host/sysctl.ts';
import { commandFailure, IpvsError } from './errors.ts';
import { readServers } from './observe.ts';

/** Where a scheduler is tried: an address for documentation, as kube-proxy tries it. */
const trial = '-t 198.51.100.0:20000';

/**
 * Whether this machine can do IPVS with the scheduler that is configured. Changes nothing that
 * stays; asking loads the modules.
 *
 * throws   IpvsError that names what is missing
 */
export async function checkHost(run: Run, { scheduler }: Settings['ipvs']): Promise<void> {
  const version = await run('ipset', ['--version']);
  if (version.exitCode !== 0) throw commandFailure('ipset --version', version);
  const major = Number(/v(\d+)\.\d+/.exec(version.stdout)?.[1]);
  if (!(major >= 6)) {
    const found = version.stdout.trim().split('\n')[0];
    throw new IpvsError(`ipset 6.0 or newer is needed, this is ${found}`, { reason: 'unavailable' });
  }
  const servers = await readServers(run);
  if ([...servers.values()].some((server) => server.scheduler === scheduler)) return;
  const { stderr } = await run('ipvsadm', ['--restore'], `-A ${trial} -s ${scheduler}\n`);
  const { exitCode } = await run('ipvsadm', ['--restore'], `-D ${trial}\n`);
  if (exitCode === 0) return;
  const module = `ip_vs_${scheduler}`;
  const message = `IPVS has no scheduler ${scheduler} on this machine: its module ${module} is not there; nothing was changed`;
  throw new IpvsError(message, { reason: 'unavailable' }, stderr);
}

/**
 * Settings that are made once at the start: how long IPVS remembers connections, and how it treats
 * a client that uses a port again. What every program needs is in the program (link.ts).
 *
 * returns  what could not be set, for people; virtual servers work without it
 * source   kube-proxy only logs it when the times cannot be set
 */
export async function prepareHost(run: Run, ipvs: Settings['ipvs']): Promise<string[]> {
  const problems: string[] = [];
  const { tcpTimeoutSeconds, tcpFinTimeoutSeconds, udpTimeoutSeconds } = ipvs;
  const timeouts = [tcpTimeoutSeconds, tcpFinTimeoutSeconds, udpTimeoutSeconds];
  if (timeouts.some((seconds) => seconds > 0)) {
    // 0 keeps what is set.
    const args = ['--set', ...timeouts.map(String)];
    const result = await run('ipvsadm', args);
    if (result.exitCode !== 0) problems.push(commandFailure(`ipvsadm ${args.join(' ')}`, result).message);
  }
  for (const outcome of await ensureSysctls(run, await reuseSysctls(run))) {
    if (outcome.kind === 'failed') problems.push(`sysctl ${outcome.name} ${sysctlProblem(outcome)}`);
  }
  return problems;
}

/** Between 4.1 and 5.9, IPVS in mode 1 delays or loses new connections from a port in use again. */
export async function reuseSysctls(run: Run): Promise<ReadonlyMap<string, string>> {
  const isAffected = isBefore59((await run('uname', ['-r'])).stdout);
  return new Map(isAffected ? [['net.ipv4.vs.conn_reuse_mode', '0']] : []);
}

/** `6.1.0-13-amd64`. Older than 4.1 the setting is not there. */
function isBefore59(release: string): boolean {
  const match = /^(\d+)\.(\d+)/.exec(release);
  const [major, minor] = [Number(match?.[1]), Number(match?.[2])];
  if (major === 4) return minor >= 1;
  return major === 5 && minor < 9;
}
