import { describe, expect, it } from 'vitest';
import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { ownPrefix } from '../../../compiler/settings.ts';
import type { Family } from '../../../compiler/values/address.ts';
import { parsePort } from '../../../compiler/values/port.ts';
import { apply, nothing } from '../../../test/helpers/apply.ts';
import { clusterIP, endpoint, makeIR, makeNode } from '../../../test/helpers/ir.ts';
import { modeOf, planeOf, scopeFor } from '../../../test/helpers/scope.ts';
import { assemble } from '../../assemble.ts';
import { createFakeKernel, type FakeKernel } from '../../netfilter/fake/kernel.ts';
import { rulesetText } from '../../netfilter/text/document.ts';
import { iptables } from '../index.ts';

const counting = makeNode({ packetCounters: true });
const invalid = 'ct_state_invalid_dropped_pkts';
const loopback = 'localhost_nps_accepted_pkts';

function withNodePort(number = 30_080, endpoints = ['10.1.0.1:8080']): ServicePortIR {
  const port = parsePort(number);
  if (port === undefined) throw new Error('no port');
  return makeIR(
    [clusterIP('10.96.0.1', 80), { kind: 'nodePort', port }],
    endpoints.map((one) => endpoint(one)),
  );
}

function wanted(node: NodeContext, services: readonly ServicePortIR[] = [withNodePort()]) {
  return { program: assemble(iptables, services, node).program, services };
}

function countingLines(node: NodeContext, services?: readonly ServicePortIR[]): string[] {
  const text = rulesetText(wanted(node, services).program);
  return text.split('\n').filter((line) => line.includes('nfacct'));
}

describe('the rules', () => {
  it('are the two of kube-proxy 1.31', () => {
    expect(countingLines(counting)).toEqual([
      `-A KUBE-FORWARD -m conntrack --ctstate INVALID -m nfacct --nfacct-name  ${invalid} -j DROP`,
      expect.stringMatching(
        new RegExp(
          `^-A KUBE-NODEPORTS -d 127\\.0\\.0\\.0/8 -p tcp -m comment --comment \\S+ -m tcp --dport 30080 -m nfacct --nfacct-name  ${loopback} -j KUBE-EXT-\\w{16}$`,
        ),
      ),
    ]);
  });

  it('stand where all go that are not counted: one is the line before', () => {
    const lines = rulesetText(wanted(counting).program).split('\n');
    const at = lines.findIndex((line) => line.includes(loopback));
    const plain = lines[at]?.replace('-d 127.0.0.0/8 ', '').replace(`-m nfacct --nfacct-name  ${loopback} `, '');
    expect(lines[at + 1]).toBe(plain);
  });

  it.each([
    ['a node that does not count', makeNode(), 0],
    [
      'a node whose node ports do not answer on 127.0.0.1',
      { ...counting, nodePorts: { kind: 'all', loopback: false } },
      1,
    ],
    ['a node with liberal conntrack', { ...counting, conntrackTcpBeLiberal: true }, 1],
  ] as const)('of %s', (_, node, count) => {
    expect(countingLines(node)).toHaveLength(count);
  });

  it('count in objects of their own beside a kube-proxy', () => {
    const names = countingLines({ ...counting, chainPrefix: ownPrefix }).map((line) => / {2}(\S+) /.exec(line)?.[1]);
    expect(names).toEqual(['SLWR-ct_state_invalid_dropped', 'SLWR-localhost_nps_accepted']);
  });
});

const commandsOf = ({ commands }: FakeKernel): string[] =>
  commands.filter(({ file }) => file === 'nfacct').map(({ args }) => args.join(' '));

describe.each(['nft', 'legacy'] as const)('the objects, in %s mode', (mode) => {
  it('are made before the rules that need them, and stay as long as a rule of either family does', async () => {
    const kernel = createFakeKernel(mode);
    const six = makeNode({ family: 'IPv6', packetCounters: true });
    await apply(kernel.run, wanted(counting));
    await apply(kernel.run, wanted(six, []), {}, 'IPv6');
    kernel.accounts.set(invalid, 7);
    await apply(kernel.run, wanted(makeNode()));
    expect([...kernel.accounts]).toEqual([[invalid, 7]]);
    await apply(kernel.run, nothing, {}, 'IPv6');
    expect([...kernel.accounts]).toEqual([]);
  });

  it('cost no command once they are there', async () => {
    const kernel = createFakeKernel(mode);
    const plane = planeOf('iptables', { run: kernel.run });
    const first = withNodePort();
    await plane.sync({ services: [], node: counting }, 'full');
    expect(commandsOf(kernel)).toEqual([`add ${invalid}`, `add ${loopback}`]);
    for (const services of [[first], [withNodePort(30_080, ['10.1.0.1:8080', '10.1.0.2:8080'])], [], [first]]) {
      const { depth, deltaRefused } = await plane.sync({ services, node: counting }, 'delta');
      expect([depth, deltaRefused]).toEqual(['delta', false]);
    }
    await plane.sync({ services: [first], node: counting }, 'full');
    expect(commandsOf(kernel)).toHaveLength(2);
  });

  it('are made again where another program flushed the rules and them', async () => {
    const kernel = createFakeKernel(mode);
    const plane = planeOf('iptables', { run: kernel.run });
    const target = { services: [withNodePort()], node: counting };
    await plane.sync(target, 'full');
    kernel.load('IPv4', '', mode);
    kernel.accounts.clear();
    expect((await plane.sync(target, 'full')).quarantined).toEqual([]);
    expect([...kernel.accounts.keys()]).toEqual([invalid, loopback]);
  });

  it("are removed with the rules, and nobody else's", async () => {
    const kernel = createFakeKernel(mode);
    kernel.accounts.set('billing', 9);
    await apply(kernel.run, wanted(counting));
    const live = await modeOf('iptables').backend.live();
    const { state } = await live.clean(kernel.run, scopeFor());
    expect([state, [...kernel.accounts.keys()]]).toEqual(['removed', ['billing']]);
  });
});

it.each<Family>(['IPv4', 'IPv6'])('a node that never counts starts no command for it: %s', async (family) => {
  const kernel = createFakeKernel();
  await apply(kernel.run, wanted(makeNode({ family }), []), {}, family);
  expect(commandsOf(kernel)).toEqual([]);
});
