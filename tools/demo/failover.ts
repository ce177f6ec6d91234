import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import pc from 'picocolors';
import type { Network } from '../../test/netns/network.ts';
import { ask, checkout } from './balance.ts';
import { DemoError } from './error.ts';
import { say, step } from './say.ts';

const requests = 100;
const policy = 'slicewright.dev/cluster-weights: "local=80,member1=20"';

/** The shares that the consumer requests in each scene, in percent. */
const scenes = [
  {
    name: `The consumer's Service says ${policy}`,
    registry: 'registry.yaml',
    member1: 20,
    member2: 80,
    takeOver: true,
  },
  {
    name: 'member1 is lost, and the policy for lost clusters is degrade',
    registry: 'registry-member1-lost.yaml',
    member1: 0,
    member2: 100,
    takeOver: false,
  },
  { name: 'member1 is back', registry: 'registry.yaml', member1: 20, member2: 80, takeOver: false },
] as const;

/** Act two: shares by policy, a lost cluster, and its return; each applied to the rules that are in force. */
export async function failover(network: Network, backend: string): Promise<void> {
  const objects = weightedObjects();
  for (const scene of scenes) {
    step(scene.name);
    const options = [
      ...['-f', '-', '--node', 'tools/demo/node.yaml', '--config', 'tools/demo/kube-proxy.yaml'],
      ...['--backend', backend, '--registry', `tools/demo/${scene.registry}`],
      ...(scene.takeOver ? ['--take-over'] : []),
    ];
    say(pc.dim(`  slicewright apply ${options.join(' ')}`));
    await apply(network, options, objects);
    const counts = await ask(network, requests, () => {});
    for (const cluster of ['member1', 'member2'] as const) {
      const count = counts.get(cluster) ?? 0;
      say(
        `  ${cluster}  ${String(count).padStart(3)} of ${requests}  requested ${String(scene[cluster]).padStart(3)} %  ${'█'.repeat(count / 2)}`,
      );
    }
    // The rules make this exact: a cluster without a share gets no connection at all.
    if (scene.member1 === 0 && counts.get('member1') !== 0)
      throw new DemoError('the lost cluster still got connections.');
    if (scene.member1 > 0 && counts.get('member1') === 0) throw new DemoError('member1 never answered.');
  }
  say(
    pc.dim(
      '\n  Shares are chances: 80 and 20 stay near, never exact. Act one loaded rules by hand, so act two took them over.',
    ),
  );
  say('');
}

/** member2's objects, with the policy written on the Service as its owner would. */
function weightedObjects(): string {
  const text = readFileSync(new URL('member2.yaml', import.meta.url), 'utf8');
  const annotated = text.replace(/^( +)name: serve\n +namespace: default\nspec:/m, (found, indent: string) =>
    found.replace(/\nspec:$/, `\n${indent}annotations:\n${indent}  ${policy}\nspec:`),
  );
  if (annotated === text) throw new Error('the Service of the demo was not found in its objects');
  return annotated;
}

async function apply(network: Network, options: readonly string[], objects: string): Promise<void> {
  const run = network.run('member2-node');
  const slicewright = fileURLToPath(new URL('../../bin/slicewright', import.meta.url));
  const { exitCode, stdout, stderr } = await run('env', ['-C', checkout, slicewright, 'apply', ...options], objects);
  const report = stdout.split('\n').filter((line) => / → |applied|nothing to do/.test(line));
  for (const line of report) say(`  ${line.trim()}`);
  if (exitCode !== 0) throw new DemoError(`slicewright apply did not succeed: ${stderr.trim()}`);
}
