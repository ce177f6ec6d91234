import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { lacksKubectl } from '../../test/controller/clusters.ts';
import { descendantsOf, isAlive } from '../../test/netns/descendants.ts';
import { probeSupport } from '../../test/netns/probe.ts';
import { describeIn } from '../../test/place.ts';

const { lacks } = await probeSupport();
const hasKubectl = (await lacksKubectl()) === undefined;
const program = fileURLToPath(new URL('run.ts', import.meta.url));

function start() {
  const demo = spawn(process.execPath, [program], {
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [demo.stdout, demo.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => (text += part));
  return { demo, said: () => text };
}

describeIn('network namespace', lacks.namespaces ?? lacks.nft, 'the demo', () => {
  test('counts what each cluster answered, and the rules count the same', async () => {
    const { demo, said } = start();
    const [status] = await once(demo, 'close');
    const all = [...said().matchAll(/^ {2}(member[12]) +(\d+) {2}█+$/gm)].map(([, name, n]) => [name, Number(n)]);
    const [counts, ofFlows] = [all.slice(0, 2), all.slice(2)];
    const [member1, member2] = [Number(counts[0]?.[1]), Number(counts[1]?.[1])];
    expect(counts).toEqual([
      ['member1', member1],
      ['member2', member2],
    ]);
    expect(member1 + member2).toBe(29);
    expect(said()).toMatch(/\[29:\d+\] -A KUBE-SERVICES -d 10\.13\.181\.116\/32 .* -j KUBE-SVC-ICRL3RCP3N62CZN4/);
    expect(said()).toMatch(countOf(member1, 'T2SVJKSSSQDWBRN2', '10.10.0.6'));
    expect(said()).toMatch(countOf(member2, 'UEDTVIDTKH7MITUI', '10.12.0.6'));
    const scenes = [...said().matchAll(/^ {2}(member[12]) +(\d+) of 100 {2}requested +(\d+) %/gm)].map(
      ([, ...scene]) => scene,
    );
    expect(scenes.map(([cluster, , requested]) => `${cluster} ${requested}`)).toEqual([
      ...['member1 20', 'member2 80'],
      ...['member1 0', 'member2 100'],
      ...['member1 20', 'member2 80'],
    ]);
    expect(scenes[2]?.[1]).toBe('0');
    // After the import, after the MultiClusterService, after the pod came back, and without the API server of member1.
    expect(ofFlows).toEqual(Array.from({ length: hasKubectl ? 4 : 0 }, () => ['member1', 10]));
    if (!hasKubectl) expect(said()).toContain('The third act is left out');
    expect(status, said()).toBe(0);
  });

  test('an interrupt in the middle leaves no process behind', async () => {
    const { demo, said } = start();
    while (!said().includes('29 requests')) await once(demo.stdout, 'data');
    const inside = descendantsOf(demo.pid);
    expect(inside.length).toBeGreaterThan(2);
    demo.kill('SIGINT');
    const [status] = await once(demo, 'close');
    expect(status).toBe(130);
    expect(inside.filter(isAlive)).toEqual([]);
  });
});

function countOf(packets: number, chain: string, address: string): RegExp {
  return new RegExp(`\\[${packets}:\\d+\\] -A KUBE-SEP-${chain} .* --to-destination ${address}:8080`);
}
