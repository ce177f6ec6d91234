import { join } from 'node:path';
import pc from 'picocolors';
import { applyCommand } from '../../../agent/commands/apply.ts';
import type { Io } from '../../../agent/terminal/io.ts';
import { twoClusters } from '../../../test/netns/clusters.ts';
import type { Network } from '../../../test/netns/network.ts';
import { ipvsAvailability } from '../../../test/vm/availability.ts';
import { startIpvsMachine } from '../../../test/vm/machine.ts';
import { parseAddress } from '../../../compiler/values/address.ts';
import { checkout, inputs, request, requests, servePods, service } from '../balance.ts';
import { DemoError } from '../error.ts';
import { bars, say, step } from '../say.ts';
import type { Play } from '../stage.ts';
import { lockDir } from '../../../test/helpers/lock-dir.ts';

/** In namespaces of this machine if its kernel has IPVS, else in namespaces of an emulated machine. */
export const play: Play = async (stage) => {
  const { missing } = await ipvsAvailability();
  if (missing !== undefined) throw new DemoError(`It needs a kernel with IPVS, and there is none here: ${missing}`);
  stage.title();
  const machine = stage.use(await startIpvsMachine());
  await virtualServers(stage.use(await machine.boot(twoClusters)), machine.place, stage.backend);
};

/** The same Service as a virtual server, whose scheduler takes turns. */
export async function virtualServers(network: Network, where: string, backend: string): Promise<void> {
  await servePods(network);

  step(
    `slicewright apply ${inputs.join(' ')} --backend ${backend}`,
    `on the node of member2, in a ${where}: a minute where the machine is emulated`,
  );
  await apply(network, backend);

  step(`${requests} requests from the client to http://${service.address}:${service.port}`);
  const counts = await request(network);
  say('');
  for (const line of bars(counts)) say(`  ${line}`);
  say(pc.dim('  Round robin: connections take turns, so the counts differ by one.'));

  step('ipvsadm -Ln');
  for (const line of await listing(network)) say(`  ${line}`);
  say('');
  const [most = 0, least = 0] = [...counts.values()].sort((a, b) => b - a);
  if (most - least !== 1) throw new DemoError(`${most} and ${least} are not turns: something else was scheduled too.`);
}

/** Does what `slicewright apply` does on a node, with the node's commands run where its kernel is. */
async function apply(network: Network, backend: string): Promise<void> {
  const files = inputs.filter((word) => !word.startsWith('-')).map((path) => join(checkout, path));
  const [filename = '', node = '', config = ''] = files;
  const addresses = [parseAddress('172.18.0.12')].filter((address) => address !== undefined);
  const status = await applyCommand(
    { filename: [filename], node, config, backend, lockDir, diagnostics: 'human' },
    shown,
    network.run('member2-node', 120_000),
    { name: 'member2-node', addresses },
  );
  if (status !== 0) throw new DemoError('slicewright apply did not succeed; its words stand above.');
}

const shown: Io = {
  readStdin: () => Promise.resolve(new Uint8Array()),
  out: async (text) => {
    for (const line of text.trimEnd().split('\n')) say(`  ${line}`);
  },
  err: async (text) => {
    if (text !== '') process.stderr.write(text);
  },
  colour: pc.isColorSupported,
};

/** Virtual and real servers as an operator sees them, the Service's own highlighted. */
async function listing(network: Network): Promise<string[]> {
  const { exitCode, stdout, stderr } = await network.run('member2-node')('ipvsadm', ['-L', '-n']);
  if (exitCode !== 0) throw new DemoError(`ipvsadm -Ln did not succeed: ${stderr.trim()}`);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => (/ Masq /.test(line) ? pc.bold(line) : line));
}
