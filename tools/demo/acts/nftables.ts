import { twoClusters } from '../../../test/netns/clusters.ts';
import { bootNetwork, type Network } from '../../../test/netns/network.ts';
import { probeSupport } from '../../../test/netns/probe.ts';
import { runWithin } from '../../../test/netns/processes.ts';
import { checkout, inputs, request, servePods, service } from '../balance.ts';
import { DemoError } from '../error.ts';
import { bars, say, step } from '../say.ts';
import type { Play } from '../stage.ts';

/** One table, a Service that consists only of elements in its maps, and requests that they spread. */
export const play: Play = async (stage) => {
  const { lacks } = await probeSupport();
  const why = lacks.namespaces ?? lacks.nft;
  if (why !== undefined)
    throw new DemoError(`It needs network namespaces with nftables, and this machine has none: ${why}`);
  stage.title();
  const network = stage.use(await bootNetwork(twoClusters));
  await servePods(network);

  step(`bin/slicewright compile ${inputs.join(' ')} --backend ${stage.backend}`);
  const table = await compile(stage.backend);
  say(
    `  a table of ${table.match(/^\tchain /gm)?.length ?? 0} chains for the node of member2, however many Services there are`,
  );

  step('nft -f, on the node of member2: one transaction');
  const run = network.run('member2-node');
  const loaded = await run('nft', ['-f', '-'], table);
  if (loaded.exitCode !== 0) throw new DemoError(`nft refused the table: ${loaded.stderr.trim()}`);

  step(`29 requests from the client to http://${service.address}:${service.port}`);
  const counts = await request(network);
  say('');
  for (const line of bars(counts)) say(`  ${line}`);

  step(
    'What did it, as nft lists it: the place leads to a chain that draws a number, and number and place to an endpoint',
  );
  for (const line of await elementsOf(network)) say(`  ${line}`);
  say('');
};

async function compile(backend: string): Promise<string> {
  const args = ['compile', ...inputs, '--backend', backend, '--family', 'ipv4'];
  const { exitCode, stdout } = await runWithin(300_000, process.env, checkout)('bin/slicewright', args);
  if (exitCode !== 0) throw new DemoError('slicewright compile did not succeed.');
  return stdout;
}

/** The Service's elements of the two maps that a packet is looked up in, and the chain between them. */
async function elementsOf(network: Network): Promise<string[]> {
  const { stdout } = await network.run('member2-node')('nft', ['list', 'table', 'ip', 'slicewright']);
  const lines = stdout.split('\n').map((line) => line.trim().replace(/^elements = \{ /, ''));
  return lines
    .filter((line) => line.startsWith(`${service.address} . `) || line.includes('numgen random mod 2 map'))
    .map((line) => line.replace(/[,}]$/, '').trim());
}
