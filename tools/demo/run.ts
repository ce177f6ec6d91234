/**
 * The demo: a Service whose pods run in two clusters, from its EndpointSlices to answered requests.
 *
 *     make demo [BACKEND=iptables|ipvs]
 *
 * Everything happens in network namespaces of its own: no privilege, no cluster, nothing of the
 * machine's own network. For IPVS they are in an emulated machine where this one has no IPVS to give.
 * Exit status: 0 both clusters answered, 1 something did not work, 2 usage.
 */
import pc from 'picocolors';
import { twoClusters } from '../../test/netns/clusters.ts';
import { bootNetwork, type Network } from '../../test/netns/network.ts';
import { probeSupport } from '../../test/netns/probe.ts';
import { ipvsAvailability } from '../../test/vm/availability.ts';
import { type Machine, startIpvsMachine } from '../../test/vm/machine.ts';
import { balance } from './balance.ts';
import { failover } from './failover.ts';
import { DemoError } from './error.ts';
import { say, title } from './say.ts';
import { virtualServers } from './virtual-servers.ts';

const backend = process.env.BACKEND ?? 'iptables';
if (backend !== 'iptables' && backend !== 'ipvs') {
  process.stderr.write(`The demo knows the backends iptables and ipvs, not "${backend}".\n`);
  process.exit(2);
}

// The namespaces end with this process, whatever ends it. This only makes leaving tidy.
let network: Network | undefined;
let machine: Machine | undefined;
let interrupted = false;
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => {
    if (interrupted) process.exit(status);
    interrupted = true;
    say('');
    say(pc.yellow(`${signal}: taking the network down`));
    void close().finally(() => process.exit(status));
  });
}

try {
  await demo();
} catch (error) {
  if (!interrupted) {
    if (!(error instanceof DemoError)) throw error;
    process.stderr.write(`${pc.red('The demo stops here.')} ${error.message}\n`);
    process.exitCode = 1;
  }
} finally {
  if (!interrupted) await close();
}

async function close(): Promise<void> {
  await network?.close();
  await machine?.close();
}

async function demo(): Promise<void> {
  const name = 'One Service, pods in two clusters';
  if (backend === 'ipvs') {
    const { missing } = await ipvsAvailability();
    if (missing !== undefined) throw new DemoError(`It needs a kernel with IPVS, and there is none here: ${missing}`);
    title(name, `seed B as member2 sees it, ${backend}`);
    machine = await startIpvsMachine();
    network = await machine.boot(twoClusters);
    return virtualServers(network, machine.place);
  }
  const { lacks } = await probeSupport();
  if (lacks.namespaces !== undefined) {
    throw new DemoError(
      `It needs network namespaces, and this machine refuses them: ${lacks.namespaces}\n` +
        'They need the programs unshare, nsenter and ip, and either root or unprivileged user namespaces.',
    );
  }
  title(name, `seed B as member2 sees it, ${backend}`);
  network = await bootNetwork(twoClusters);
  await balance(network);
  title('Shares by policy, a lost cluster, and its return', 'the same Service');
  await failover(network);
}
