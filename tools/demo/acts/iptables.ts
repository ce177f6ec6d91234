import { twoClusters } from '../../../test/netns/clusters.ts';
import { bootNetwork } from '../../../test/netns/network.ts';
import { probeSupport } from '../../../test/netns/probe.ts';
import { balance } from '../balance.ts';
import { DemoError } from '../error.ts';
import { failover } from '../failover.ts';
import { flows } from '../flows.ts';
import { title } from '../say.ts';
import type { Play } from '../stage.ts';

/** Equal shares; shares by policy, a lost cluster, and its return; the commands that users type. */
export const play: Play = async (stage) => {
  const { lacks } = await probeSupport();
  if (lacks.namespaces !== undefined) {
    throw new DemoError(
      `It needs network namespaces, and this machine refuses them: ${lacks.namespaces}\n` +
        'They need the programs unshare, nsenter and ip, and either root or unprivileged user namespaces.',
    );
  }
  stage.title();
  const network = stage.use(await bootNetwork(twoClusters));
  await balance(network, stage.backend);
  title('Shares by policy, a lost cluster, and its return', 'the same Service');
  await failover(network, stage.backend);
  await flows(stage);
};
