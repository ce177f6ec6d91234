import pc from 'picocolors';
import { setTimeout as sleep } from 'node:timers/promises';
import { lacksKubectl, lookMs, type RunningClusters, startClusters } from '../../test/controller/clusters.ts';
import { objectsIn } from '../../test/controller/live.ts';
import { DemoError } from './error.ts';
import { bars, say, step, title } from './say.ts';
import type { Stage } from './stage.ts';

const requests = 10;
const seeds = 'test/controller/seeds';
const patienceMs = 240_000;

/**
 * Act three: the commands that users type. It starts with a hub and two empty members, one controller, and an agent on
 * a node of each member. Then come an export and an import, then a MultiClusterService; then the provider's pod goes,
 * then its API server.
 */
export async function flows(stage: Stage): Promise<void> {
  const missing = await lacksKubectl();
  if (missing !== undefined) {
    say(pc.yellow(`The third act is left out: ${missing}.`));
    say('');
    return;
  }
  title('What users type', 'a hub and two members, the controller, an agent on a node of each member');
  const clusters = stage.use(await startClusters());
  const kubectl = async (...args: readonly string[]): Promise<void> => {
    step(`kubectl ${args.map((arg) => (/[{" ]/.test(arg) ? `'${arg}'` : arg)).join(' ')}`);
    for (const line of (await clusters.kubectl(...args)).trim().split('\n')) say(pc.dim(`  ${line}`));
  };
  const apply = async (...names: readonly string[]): Promise<void> => {
    for (const name of names) await kubectl('apply', '-f', `${seeds}/${name}.yaml`);
  };

  await kubectl('apply', '-k', 'deploy/crds');
  await apply('a-1-definitions', 'a-2-workload', 'a-3-export', 'a-4-import');
  await reached(clusters, 'derived-serve');
  for (const name of ['a-4-import', 'a-3-export']) await kubectl('delete', '-f', `${seeds}/${name}.yaml`);
  await apply('b-2-multiclusterservice');
  await reached(clusters, 'serve');

  const scale = (replicas: number) =>
    kubectl('patch', 'deployment', 'serve', '-p', JSON.stringify({ spec: { replicas } }));
  await scale(0);
  await until('refused', clusters, 'serve');
  say('  the pod is gone: connections are refused at once');
  await scale(1);
  await reached(clusters, 'serve');

  step('The API server of member1 is stopped');
  await clusters.at('member1').close();
  const away = await awaited(async () => /^ *member1 +away.*$/m.exec(await clusters.status())?.[0]);
  say(`  ${pc.dim('slicewright controller status:')} ${away.trim()}`);
  await reached(clusters, 'serve');
  say('');
}

/** Asks a Service of member2 from a pod there: member1 answers each time. */
async function reached(clusters: RunningClusters, service: string): Promise<void> {
  await until('member1', clusters, service);
  const address = addressIn(clusters, service);
  step(`${requests} requests from a pod of member2 to its Service ${service}, http://${address}:80`);
  const counts = new Map<string, number>();
  for (let i = 0; i < requests; i++) {
    const by = await answerOf(clusters, service);
    counts.set(by, (counts.get(by) ?? 0) + 1);
  }
  for (const line of bars(counts)) say(`  ${line}`);
  if (counts.get('member1') !== requests) throw new DemoError(`member1 did not answer each request to ${service}.`);
}

function until(answer: string, clusters: RunningClusters, service: string): Promise<true> {
  return awaited(async () => ((await answerOf(clusters, service, lookMs)) === answer ? true : undefined));
}

async function answerOf(clusters: RunningClusters, service: string, waitMs?: number): Promise<string> {
  const address = addressIn(clusters, service);
  if (address === undefined) return 'nobody';
  const answer = await clusters.ask(address, 80, 'member2', waitMs);
  return answer.kind === 'answered' ? answer.by : answer.kind;
}

function addressIn({ at }: RunningClusters, service: string): string | undefined {
  const found = objectsIn(at('member2'), 'Service').find(
    ({ metadata }) => (metadata as { readonly name: string }).name === service,
  );
  return (found?.['spec'] as { readonly clusterIP?: string } | undefined)?.clusterIP;
}

async function awaited<T>(look: () => Promise<T | undefined>): Promise<T> {
  const endMs = performance.now() + patienceMs;
  while (performance.now() < endMs) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(100);
  }
  throw new DemoError('what was to come did not come within four minutes.');
}
