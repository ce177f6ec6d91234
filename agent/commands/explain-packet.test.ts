import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Run } from '../../backends/command.ts';
import { backendNames } from '../../backends/index.ts';
import { memoryIo } from '../terminal/memory-io.fixture.ts';
import { cartOf, createScratch, nodeOf, type Scratch } from './commands.fixture.ts';
import { compileCommand } from './compile.ts';
import { type ExplainPacketOptions, explainPacketCommand } from './explain-packet.ts';

let scratch: Scratch;
beforeEach(() => {
  scratch = createScratch();
});
afterEach(() => scratch.remove());

const manifests = `${nodeOf('192.0.2.1')}---${cartOf('10.1.0.5', '10.1.0.6')}`;
const noRun: Run = () => Promise.reject(new Error('files need no command'));

async function explain(
  words: string | readonly string[],
  options: Partial<ExplainPacketOptions> = {},
  text = manifests,
) {
  const io = memoryIo(text);
  const given: ExplainPacketOptions = {
    filename: ['-'],
    address: '127.0.0.1:1',
    output: 'text',
    diagnostics: 'human',
    ...options,
  };
  const all = typeof words === 'string' ? words.split(' ') : words;
  const status = await explainPacketCommand(all, given, io, noRun, { name: 'east-1', addresses: [] });
  return { status, ...io.written };
}

const twoServices = `${manifests}---${cartOf('10.1.0.5')
  .replaceAll('cart', 'dns')
  .replace('10.96.0.10, clusterIPs: [10.96.0.10]', '10.96.0.53, clusterIPs: [10.96.0.53]')
  .replace(
    'ports: [{name: http, port: 80, protocol: TCP}]}',
    'ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]}',
  )}`;

describe('slicewright explain', () => {
  it.each([
    ['iptables', /^ +\[1\/2\] -A KUBE-SVC-\w{16} .*-> 10\.1\.0\.5:8080/m],
    ['ipvs', /^ +\[1\/2\] -a -t 10\.96\.0\.10:80 -r 10\.1\.0\.5:8080/m],
    ['nftables', /^ +dnat ip to ip daddr . tcp dport . numgen random mod 2 map @endpoints\/tcp$/m],
  ] as const)('tells the shares and the rules of the %s program', async (backend, rule) => {
    const { status, out } = await explain('pod 10.1.0.9 10.96.0.10:80', { backend });
    expect(status).toBe(0);
    expect(out).toMatch(/^ {2}10\.1\.0\.5:8080 {2}local, this node {2}1\/2$/m);
    expect(out).toContain('  by cluster: local 1\n');
    expect(out).toMatch(rule);
  });

  it.each([
    ['pod 10.1.0.9 -> 10.96.0.10:80/tcp', 'pod 10.1.0.9 -> 10.96.0.10:80/tcp', undefined],
    ['10.1.0.5 shop/cart', 'pod 10.1.0.5 -> 10.96.0.10:80/tcp', 'a pod of this node (an endpoint of shop/cart)'],
    ['10.9.0.5 shop/cart:http/TCP', 'outside 10.9.0.5 -> 10.96.0.10:80/tcp', 'another machine'],
    ['192.0.2.1 shop/cart:80', 'node 192.0.2.1 -> 10.96.0.10:80/tcp', 'a process of this node'],
    ['node 10.96.0.10:80/udp', 'node 192.0.2.1 -> 10.96.0.10:80/udp', 'a process of this node'],
    ['outside -> 10.96.0.10:80', 'outside 198.51.100.77 -> 10.96.0.10:80/tcp', 'another machine'],
    ['eth1 shop/cart', 'on eth1 198.51.100.77 -> 10.96.0.10:80/tcp', 'somebody on interface eth1'],
    ['on cali7 10.1.0.9 shop/cart', 'on cali7 10.1.0.9 -> 10.96.0.10:80/tcp', 'somebody on interface cali7'],
    ['node shop/dns:53', 'node 192.0.2.1 -> 10.96.0.53:53/tcp', 'a process of this node'],
    ['node shop/dns:53/udp', 'node 192.0.2.1 -> 10.96.0.53:53/udp', 'a process of this node'],
    ['node [2001:db8::1]:80', 'node ::1 -> [2001:db8::1]:80/tcp', 'a process of this node'],
  ])('understands %s', async (words, packet, sender) => {
    const { status, out } = await explain(words, { output: 'json' }, twoServices);
    expect([status, JSON.parse(out).packets]).toEqual([
      0,
      [expect.objectContaining({ packet, sender: sender ?? null })],
    ]);
  });

  it.each([
    ['10.1.0.9', 'is not a packet; give a sender and a destination'],
    ['pod shop/cart', "lacks the pod's address"],
    ['10.1.0.9 10.96.0.10', 'is not a destination; give ADDRESS:PORT'],
    ['outsde shop/cart', 'did you mean outside?'],
    ['servce shop/cart', 'did you mean service?'],
    ['fd00::9 shop/cart', 'has no IPv6 address, as the sender has'],
    ['fd00::9 10.96.0.10:80', 'is not an IPv4 address, as the destination is'],
    ['node shop/dns', 'has several ports: shop/dns:dns-tcp/tcp, shop/dns:dns/udp'],
    ['node shop/cart/udp', 'is not served over UDP, but as shop/cart:http/tcp'],
    [['on', 'a\u001b[31m', 'shop/cart'], 'on a\\u{1b}[31m'],
  ])('refuses %j as usage', async (words, message) => {
    const { status, out, err } = await explain(words, {}, twoServices);
    expect([status, out, err]).toEqual([2, '', expect.stringContaining(message)]);
  });

  it('says why a Service that is not served cannot be asked for', async () => {
    const { status, err } = await explain('node shop/late');
    expect([status, err]).toEqual([
      1,
      'error: Service shop/late: is neither a Service nor a ServiceImport of this cluster [not-served]\n',
    ]);
  });

  it('dials what --via names, or every frontend', async () => {
    const nodePort = manifests
      .replace('spec: {clusterIP', 'spec: {type: NodePort, clusterIP')
      .replace('port: 80, protocol', 'port: 80, nodePort: 30080, protocol');
    const packets = async (via: NonNullable<ExplainPacketOptions['via']>) =>
      JSON.parse((await explain('outside shop/cart', { via, output: 'json' }, nodePort)).out).packets.map(
        (one: { packet: string }) => one.packet,
      );
    const [inside, outside] = [
      'outside 198.51.100.77 -> 10.96.0.10:80/tcp',
      'outside 198.51.100.77 -> 192.0.2.1:30080/tcp',
    ];
    expect(await packets('node-port')).toEqual([outside]);
    expect(await packets('all')).toEqual([inside, outside]);
    expect(await explain('outside shop/cart', { via: 'external' }, nodePort)).toMatchObject({
      status: 2,
      err: expect.stringContaining('has no such frontend, but cluster-ip, node-port'),
    });
  });

  it('has a document for programs, with exact fractions', async () => {
    const three = `${nodeOf('192.0.2.1')}---${cartOf('10.1.0.5', '10.1.0.6', '10.1.0.7')}`;
    const { out } = await explain('pod 10.1.0.9 shop/cart', { output: 'json' }, three);
    const { apiVersion, kind, packets } = JSON.parse(out);
    expect([apiVersion, kind]).toEqual(['slicewright.dev/v1alpha1', 'ExplainedPackets']);
    const third = { numerator: '1', denominator: '3', percent: expect.any(String) };
    expect(packets[0]).toMatchObject({
      servicePort: 'shop/cart:http',
      frontend: { kind: 'clusterIP', address: '10.96.0.10', port: 80 },
      wanted: {
        verdict: 'forward',
        why: null,
        endpoints: [{ address: '10.1.0.5', share: third }, { share: third }, { share: third }],
        clusters: [{ cluster: 'local', share: { numerator: '1', denominator: '1' } }],
      },
      found: [],
      unused: [],
    });
    expect((await explain('pod 10.1.0.9 shop/cart', { output: 'yaml' }, three)).out).toMatch(
      /^apiVersion: slicewright\.dev\/v1alpha1\nkind: ExplainedPackets\n/,
    );
  });
});

/** The output of compile, changed so that one of the two endpoints has another address. */
const changes: Readonly<Record<string, { readonly file: string; readonly from: RegExp; readonly to: string }>> = {
  iptables: { file: 'iptables-save', from: /--to-destination 10\.1\.0\.6:8080/, to: '--to-destination 10.1.0.66:8080' },
  ipvs: { file: 'ipvsadm-save', from: /-r 10\.1\.0\.6:8080/, to: '-r 10.1.0.66:8080' },
  nftables: { file: 'nft', from: /: 10\.1\.0\.6 \. 8080/, to: ': 10.1.0.66 . 8080' },
};

describe.each(backendNames())('slicewright explain --against, mode %s', (backend) => {
  async function dump(): Promise<string> {
    const out = join(scratch.root, 'rules');
    expect(await compileCommand({ filename: ['-'], backend, diagnostics: 'human', out }, memoryIo(manifests))).toBe(0);
    return out;
  }

  it('agrees with what compile wrote', async () => {
    const against = [await dump()];
    const { status, out } = await explain('pod 10.1.0.9 shop/cart', { backend, against });
    expect(status).toBe(0);
    expect(out).toMatch(/^In .*: the same$/m);
    expect(out).toMatch(/^The rules on its way in .*:$/m);
  });

  it('shows where the rules that were found do something else', async () => {
    const folder = await dump();
    const { file, from, to } = changes[backend] ?? { file: '', from: /$/, to: '' };
    const path = join(folder, file);
    const before = readFileSync(path, 'utf8');
    expect(before).toMatch(from);
    writeFileSync(path, before.replace(from, to));
    const { status, out } = await explain('pod 10.1.0.9 shop/cart', { backend, against: [folder] });
    expect(status).toBe(3);
    expect(out).toContain('DIFFERENT: nothing goes "to 10.1.0.6:8080"');
    expect(out).toMatch(/^ +10\.1\.0\.66:8080 {2}no endpoint of this Service {2}1\/2$/m);
    const json = JSON.parse(
      (await explain('pod 10.1.0.9 shop/cart', { backend, against: [folder], output: 'json' })).out,
    );
    expect(json.packets[0].found).toEqual([expect.objectContaining({ agrees: false, verdict: 'forward' })]);
  });
});

describe('slicewright explain --against, other things', () => {
  it('marks the rules that only one of the two ways has', async () => {
    const text =
      '-A KUBE-SERVICES -d 10.96.0.10/32 -p tcp -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable';
    const out = join(scratch.root, 'rules');
    await compileCommand({ filename: ['-'], diagnostics: 'human', out }, memoryIo(manifests));
    const path = join(out, 'iptables-save');
    writeFileSync(path, readFileSync(path, 'utf8').replace(/^(\*filter\n(?:[:#].*\n)*)/m, `$1${text}\n`));
    const { status, out: said } = await explain('node shop/cart', { against: [path] });
    expect([status, said]).toEqual([0, expect.stringContaining(': the same')]);
    writeFileSync(path, readFileSync(path, 'utf8').replace(/^-A KUBE-SVC-\w+ .*\n/gm, ''));
    const refused = await explain('node shop/cart', { against: [path] });
    expect(refused.status).toBe(3);
    expect(refused.out).toContain('  Rejected, and the client is told at once');
    expect(refused.out).toMatch(/^ +! -A KUBE-SERVICES -d 10\.96\.0\.10\/32 -p tcp -m tcp --dport 80 -j REJECT/m);
    expect(refused.out).toMatch(/^ +! \[1\/2\] -A KUBE-SVC-/m);
  });

  it('writes what a dump holds as plain text', async () => {
    const out = join(scratch.root, 'rules');
    await compileCommand({ filename: ['-'], diagnostics: 'human', out }, memoryIo(manifests));
    const path = join(out, 'iptables-save');
    const hostile = '-A PREROUTING -m comment --comment "\u001b[2J\u202e" -j ACCEPT';
    writeFileSync(path, readFileSync(path, 'utf8').replace(/^-A PREROUTING/m, `${hostile}\n-A PREROUTING`));
    const said = await explain('pod 10.1.0.9 shop/cart', { against: [path] });
    const written = said.out + said.err;
    expect(written).toContain('\\u{1b}[2J\\u{202e}');
    expect(written).not.toContain('\u001b');
    expect(written).not.toContain('\u202e');
  });

  it('concludes nothing from a dump of another family', async () => {
    const out = join(scratch.root, 'rules');
    await compileCommand({ filename: ['-'], diagnostics: 'human', out }, memoryIo(manifests));
    const path = join(out, 'iptables-save');
    expect(await explain('node [2001:db8::1]:80', { against: [path] })).toMatchObject({
      status: 1,
      out: '',
      err: expect.stringContaining('holds nothing of IPv6, which the packet is of'),
    });
  });
});
