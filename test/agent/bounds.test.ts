import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { createFakeKernel } from '../../backends/netfilter/fake/kernel.ts';
import { startApiDouble } from '../apiserver/double.ts';
import { eventually } from '../helpers/eventually.ts';
import { node, service } from '../packets/objects.ts';
import { memberSettings } from '../packets/program.ts';
import { isWell } from './faults.fixture.ts';
import { startFieldAgent } from './field.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

let sent = 0;
const object = () => ({
  metadata: { name: `s${sent}`, namespace: 'flood', resourceVersion: String(1000 + sent++) },
  spec: { clusterIP: '10.99.0.1', ports: [{ port: 80 }] },
});

/** Lists of ever more pages, or watches of ever more events. */
function flood(how: 'pages' | 'events') {
  return (isWatch: boolean, response: ServerResponse): void => {
    if (!isWatch) {
      const items = how === 'pages' ? Array.from({ length: 500 }, object) : [];
      const more = how === 'pages' ? { continue: 'more' } : {};
      response.end(JSON.stringify({ metadata: { resourceVersion: '1', ...more }, items }));
      return;
    }
    const write = (): void => {
      if (response.destroyed) return;
      for (let i = 0; i < 100; i++) response.write(`${JSON.stringify({ type: 'ADDED', object: object() })}\n`);
      setImmediate(write);
    };
    write();
  };
}

async function hostile(answer: ReturnType<typeof flood>) {
  const server = createServer((request, response) => {
    response.on('error', () => {});
    answer(new URL(request.url ?? '/', 'http://x').searchParams.has('watch'), response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

it.each(['pages', 'events'] as const)(
  'a cluster that sends endless %s fails alone: others go on, and syncs',
  async (how) => {
    const own = await startApiDouble();
    closers.push(() => own.close());
    const put = (...endpoints: string[]) => {
      const cart = service('cart', { clusterIPs: ['10.13.0.1'], port: 80, endpoints, endpointPort: 8080 });
      for (const each of [node, ...cart]) own.apply(each as never);
    };
    put('10.12.0.6');
    const kernel = createFakeKernel();
    const agent = startFieldAgent({
      run: kernel.run,
      own,
      others: { west: await hostile(flood(how)) },
      nodeName: 'member2-node',
      settings: memberSettings,
      limits: { objects: 3_000 },
      remoteWaitMs: 200,
      keepsEvents: false,
    });
    closers.push(() => agent.stop());
    const metric = (name: string) => agent.metric(name, 'source_cluster="west"');
    await eventually(async () => expect(await metric('slicewright_source_over_limit')).toBeGreaterThan(0));
    expect(await metric('slicewright_source_failing')).toBeGreaterThan(0);
    expect(agent.log.map(({ message }) => message).join('\n')).toContain(
      'more than 3000 objects; the agent reads nothing more',
    );
    put('10.12.0.6', '10.12.0.7');
    await eventually(() => expect(kernel.save('IPv4')).toContain('10.12.0.7'));
    await isWell(agent);
  },
);
