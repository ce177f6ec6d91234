import { fileURLToPath } from 'node:url';
import pc from 'picocolors';
import type { Network } from '../../test/netns/network.ts';
import { runWithin } from '../../test/netns/processes.ts';
import { DemoError } from './error.ts';
import { bars, say, step } from './say.ts';

export const requests = 29;
export const service = { name: 'default/serve', address: '10.13.181.116', port: 80 } as const;
const pods = [
  { cluster: 'member1', host: 'remote', address: '10.10.0.6' },
  { cluster: 'member2', host: 'pod', address: '10.12.0.6' },
] as const;

export const checkout = fileURLToPath(new URL('../..', import.meta.url));
export const inputs = [
  '-f',
  'tools/demo/member2.yaml',
  '--node',
  'tools/demo/node.yaml',
  '--config',
  'tools/demo/kube-proxy.yaml',
];

/** Act one: one pod a cluster, equal shares, as in a document that Karmada's users know. */
export async function balance(network: Network, backend: string): Promise<void> {
  await servePods(network);

  step(`bin/slicewright compile ${inputs.join(' ')}`);
  const program = await compile(backend);
  const count = program.split('\n').filter((line) => line.startsWith('-A ')).length;
  say(`  ${count} rules for the node of member2`);

  step('iptables-restore, on the node of member2');
  await load(network, program);

  step(`${requests} requests from the client to http://${service.address}:${service.port}`);
  const counts = await request(network);
  say('');
  for (const line of bars(counts)) say(`  ${line}`);
  say(pc.dim('  Every new connection is decided by chance, half and half: the counts differ from run to run.'));

  step('The rules that did it, [packets:bytes] as iptables-save -c counts them');
  for (const line of await rulesOf(network)) say(`  ${line}`);
  say('');
}

/** One pod a cluster; each answers with its cluster's name. */
export async function servePods(network: Network): Promise<void> {
  step(
    'Two clusters, each a node with a pod that serves HTTP',
    ...pods.map(({ cluster, address }) => `${cluster}  pod ${address}:8080`),
    'and a client pod 10.12.0.10 on the node of member2',
  );
  for (const { cluster, host, address } of pods) {
    const station = await network.station(host);
    await station.serve({ transport: 'tcp', address, port: 8080, name: cluster });
  }
}

async function compile(backend: string): Promise<string> {
  const args = ['compile', ...inputs, '--backend', backend, '--family', 'ipv4'];
  const { exitCode, stdout, stderr } = await runWithin(300_000, process.env, checkout)('bin/slicewright', args);
  if (stderr !== '') process.stderr.write(`${stderr.trimEnd()}\n`);
  if (exitCode !== 0) throw new DemoError('slicewright compile did not succeed; its words stand above.');
  return stdout;
}

async function load(network: Network, program: string): Promise<void> {
  const run = network.run('member2-node');
  const version = await run('iptables-restore', ['--version']);
  if (version.failure === 'not-found') throw new DemoError('It needs the program iptables-restore (package iptables).');
  const { exitCode, stderr } = await run('iptables-restore', ['--wait', '5'], program);
  if (exitCode !== 0) throw new DemoError(`iptables-restore refused the program: ${stderr.trim()}`);
  say(`  ${version.stdout.trim()}: loaded`);
}

/** The first act's requests, each answer shown. */
export async function request(network: Network): Promise<ReadonlyMap<string, number>> {
  process.stdout.write(' ');
  const counts = await ask(network, requests, (by, i) => {
    process.stdout.write(` ${by === 'member1' ? pc.magenta(by) : pc.green(by)}`);
    if (i % 8 === 0 && i < requests) process.stdout.write('\n ');
  });
  process.stdout.write('\n');
  const silent = [...counts].filter(([, count]) => count === 0).map(([cluster]) => cluster);
  // By chance this happens once in 2^28 runs, so it is a fault.
  if (silent.length > 0) throw new DemoError(`${silent.join(' and ')} never answered.`);
  return counts;
}

/** Asks the Service repeatedly and returns how often each cluster answered. */
export async function ask(
  network: Network,
  times: number,
  onAnswer: (by: string, i: number) => void,
): Promise<ReadonlyMap<string, number>> {
  const client = await network.station('client');
  const counts = new Map<string, number>(pods.map(({ cluster }) => [cluster, 0]));
  for (let i = 1; i <= times; i++) {
    const answer = await client.ask({ transport: 'tcp', address: service.address, port: service.port });
    if (answer.kind !== 'answered') {
      process.stdout.write('\n');
      throw new DemoError(`Request ${i} of ${times} got no answer: ${JSON.stringify(answer)}`);
    }
    counts.set(answer.by, (counts.get(answer.by) ?? 0) + 1);
    onAnswer(answer.by, i);
  }
  return counts;
}

/** The Service's rules along a packet's way: KUBE-SERVICES, its KUBE-SVC chain, its KUBE-SEP chains. */
async function rulesOf(network: Network): Promise<string[]> {
  const { stdout } = await network.run('member2-node')('iptables-save', ['-c', '-t', 'nat']);
  const rules = stdout.split('\n').filter((line) => line.includes(`"${service.name}`));
  return ['KUBE-SERVICES', 'KUBE-SVC-', 'KUBE-SEP-'].flatMap((chain) =>
    rules.filter((line) => line.includes(` -A ${chain}`)).map(highlight),
  );
}

function highlight(rule: string): string {
  return rule
    .replace(/--probability \S+/, (text) => pc.bold(text))
    .replace(/-j (KUBE-S\S+)/, (_, chain: string) => `-j ${pc.bold(chain)}`)
    .replace(/--to-destination \S+/, (text) => pc.bold(text));
}
