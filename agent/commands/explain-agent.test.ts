import { afterEach, describe, expect, it } from 'vitest';
import { createChangeReader } from '../../compiler/change.ts';
import { createCompiler } from '../../compiler/incremental.ts';
import { recognise } from '../../compiler/model/kinds.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import { parseAddress } from '../../compiler/values/address.ts';
import { parseDocuments } from '../input/documents.ts';
import { knowledgeAnswer, mostEndpoints } from '../serving/knowledge.ts';
import { type Answer, openListener, type RunningServer } from '../serving/listener.ts';
import { createMetrics } from '../serving/metrics.ts';
import { serveMetrics } from '../serving/server.ts';
import { memoryIo } from '../terminal/memory-io.fixture.ts';
import { bench } from './kernels.fixture.ts';
import { applyCommand } from './apply.ts';
import { cartOf, nodeOf } from './commands.fixture.ts';
import { type ExplainServiceOptions, explainServiceCommand } from './explain-service.ts';
import { type ExplainPacketOptions, explainPacketCommand } from './explain-packet.ts';
import { lockDir } from '../../test/helpers/lock-dir.ts';
import { ownAddress } from '../../test/helpers/own-address.ts';

const servers: RunningServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const loopback = { host: '127.0.0.1', port: 0 };
const manifests = (...addresses: string[]) => `${nodeOf('192.0.2.1')}---${cartOf(...addresses)}`;

/** The part of an agent that answers questions, with these objects. */
async function agent(text: string, mode = 'iptables'): Promise<string> {
  const localAddresses = [parseAddress('192.0.2.1')].filter((address) => address !== undefined);
  const context = { settings: defaultSettings, nodeName: 'east-1', localAddresses };
  const compiler = createCompiler(context);
  const read = createChangeReader(context);
  const objects = parseDocuments(new TextEncoder().encode(text), 'objects.yaml', []);
  compiler.apply(
    objects.flatMap((one) => {
      const object = recognise(one);
      return object === undefined ? [] : [read({ gone: false, object }, undefined)];
    }),
  );
  const server = await serveMetrics(loopback, createMetrics(), {
    mode,
    status: () => ({}),
    shares: () => ({}),
    config: {},
    knowledge: (path) => knowledgeAnswer(path, compiler, context.settings, mode),
  });
  servers.push(server);
  return `127.0.0.1:${server.port}`;
}

async function explain(words: string, address: string, options: Partial<ExplainPacketOptions> = {}, run = bench().run) {
  const io = memoryIo();
  const given: ExplainPacketOptions = { address, output: 'text', diagnostics: 'human', ...options };
  const status = await explainPacketCommand(words.split(' '), given, io, run, { name: 'east-1', addresses: [] });
  return { status, ...io.written };
}

describe('slicewright explain without files', () => {
  it.each(['10.1.0.5 shop/cart:http', '10.1.0.5 10.96.0.10:80', 'pod 10.1.0.5 -> 10.96.0.10:80/tcp'])(
    'asks the agent of the node: %s',
    async (words) => {
      const { status, out, err } = await explain(words, await agent(manifests('10.1.0.5', '10.1.0.6')));
      expect([status, err]).toEqual([0, '']);
      expect(out).toMatch(/^ {2}10\.1\.0\.6:8080 {2}local, this node {2}1\/2$/m);
      expect(out).toMatch(/^ +\[1\/2\] -A KUBE-SVC-\w{16} /m);
    },
  );

  it('says why of what the agent does not serve', async () => {
    const address = await agent(manifests('10.1.0.5'));
    expect(await explain('node shop/late', address)).toMatchObject({
      status: 1,
      err: 'error: Service shop/late: is not served by the agent of this node; with -f, explain service says why [not-served]\n',
    });
    expect((await explain('node 10.96.0.99:80', address)).out).toContain(
      'because no Service is served at this address',
    );
    expect((await explain('node 10.96.0.10:81', address)).out).toContain('served at 80/tcp (shop/cart:http)');
  });

  it('compares with the kernel what the agent wants', async () => {
    const node = bench();
    const io = memoryIo(manifests('10.1.0.5'));
    const applied = { filename: ['-'], diagnostics: 'human', lockDir } as const;
    expect(await applyCommand(applied, io, node.run, { name: 'east-1', addresses: [] })).toBe(0);
    const right = await explain('10.1.0.9 shop/cart', await agent(manifests('10.1.0.5')), { live: true }, node.run);
    expect([right.status, right.out]).toEqual([0, expect.stringMatching(/^In the kernel .*: the same$/m)]);
    const late = await explain('10.1.0.9 shop/cart', await agent(manifests('10.1.0.6')), { live: true }, node.run);
    expect([late.status, late.out]).toEqual([3, expect.stringContaining('DIFFERENT: nothing goes "to 10.1.0.6:8080"')]);
  });

  it('has every endpoint for explain service, as files have', async () => {
    const text = manifests('10.1.0.5', '10.1.0.6');
    const address = await agent(text);
    const said = async (options: Partial<ExplainServiceOptions>, target = 'shop/cart') => {
      const io = memoryIo(text);
      const status = await explainServiceCommand(
        [target],
        { address, output: 'text', diagnostics: 'human', ...options },
        io,
      );
      return { status, ...io.written };
    };
    const files = await said({ filename: ['-'] });
    expect(await said({})).toEqual(files);
    const [told, read] = [await said({ output: 'json' }), await said({ output: 'json', filename: ['-'] })];
    expect(JSON.parse(told.out)).toEqual(JSON.parse(read.out));
    expect((await said({ output: 'name', selector: '!app', namespace: 'shop' }, 'cart')).out).toBe('shop/cart\n');
    expect(await said({ selector: 'app=none' })).toMatchObject({
      status: 1,
      err: expect.stringContaining('serves no Service that was chosen'),
    });
    expect((await said({}, 'shop/late')).err).toContain('is not served by the agent of this node');
    expect(await said({ withoutCluster: 'west' })).toMatchObject({
      status: 2,
      err: expect.stringContaining('option --without-cluster: needs -f'),
    });
  });

  it('says so where no agent answers, or something else does', async () => {
    const { host, port } = ownAddress();
    const server = await openListener({ host, port }, () => typed('{"kind":"Toast"}'), { methods: ['GET'] });
    servers.push(server);
    expect((await explain('node shop/cart', `${host}:${port}`)).err).toContain(
      'the program there is not an agent of this version. Give the objects with -f',
    );
    await server.close();
    expect(await explain('node shop/cart', `${host}:${port}`)).toMatchObject({
      status: 1,
      out: '',
      err: expect.stringMatching(/^error: agent 127\.[\d.]+:\d+: no agent answers \(.*ECONNREFUSED/),
    });
  });

  it('makes nothing of names that are none, and shows them as plain text', async () => {
    const real = await (
      await fetch(`http://${await agent(manifests('10.1.0.5'))}/slicewright/explain/shop/cart`)
    ).text();
    const hostile = real.replaceAll('"portName":"http"', String.raw`"portName":"\u001b[2J\u202e"`);
    const server = await openListener(loopback, () => typed(hostile), { methods: ['GET'] });
    servers.push(server);
    const { status, out, err } = await explain('node shop/cart', `127.0.0.1:${server.port}`);
    expect([status, out, err]).toEqual([1, '', expect.stringContaining('cannot compile rules from the answer: ')]);
    expect(err).not.toContain('\u001b');
  });

  it('takes no option that says how files are compiled', async () => {
    expect(await explain('node shop/cart', '127.0.0.1:1', { backend: 'ipvs' })).toMatchObject({
      status: 2,
      err: 'error: option --backend: needs -f; without -f the command asks the agent of this node [bad-option]\n',
    });
  });
});

describe('what the agent tells', () => {
  it('has bounds', async () => {
    const address = await agent(manifests('10.1.0.5'));
    const status = async (path: string) => (await fetch(`http://${address}/slicewright/explain/${path}`)).status;
    expect(
      await Promise.all(['shop/cart', 'shop', 'at/tcp/80/10.96.0.10', 'at/tcp/0/10.96.0.10', ''].map(status)),
    ).toEqual([200, 404, 200, 404, 404]);
    expect(await (await fetch(`http://${address}/slicewright/explain/labels`)).json()).toEqual({
      ...{ apiVersion: 'slicewright.dev/v1alpha1', kind: 'AgentLabels', labels: { 'shop/cart': {} } },
    });
    const endpoints = Array.from({ length: mostEndpoints + 1 }, () => ({}) as never);
    const compiler = {
      services: () => new Map([['shop/cart' as never, { ports: [], endpoints }]]),
      node: () => ({}) as never,
      labelsOf: () => undefined,
    };
    expect(knowledgeAnswer('shop/cart', compiler, defaultSettings, 'iptables').status).toBe(413);
  });
});

function typed(body: string): Answer {
  return { status: 200, headers: { 'content-type': 'application/json' }, body };
}
