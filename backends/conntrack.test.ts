import { describe, expect, it } from 'vitest';
import type { ServicePortIR } from '../compiler/ir/ir.ts';
import { clusterIP, endpoint, makeIR, makeNode, port } from '../test/helpers/ir.ts';
import { assemble } from './assemble.ts';
import { forgetConnections } from './conntrack.ts';
import { iptables } from './iptables/index.ts';
import { ownChains } from '../test/helpers/scope.ts';
import type { FakeFlow } from './netfilter/fake/conntrack.ts';
import { createFakeKernel } from './netfilter/fake/kernel.ts';
import { staleFlows } from './netfilter/live/flows.ts';

const frontends = [clusterIP('10.96.0.10', 53), { kind: 'nodePort', port: port(30053) }] as const;
const one = endpoint('10.1.0.1:53');
const two = endpoint('10.1.0.2:53');

function dns(endpoints: readonly ReturnType<typeof endpoint>[], more: Partial<ServicePortIR> = {}): ServicePortIR[] {
  return [makeIR(frontends, endpoints, { protocol: 'UDP', ...more })];
}

/** In words: which connections are stale after a change. */
function stale(before: readonly ServicePortIR[], after: readonly ServicePortIR[]): string[] {
  const program = (services: readonly ServicePortIR[]) => assemble(iptables, services, makeNode()).program;
  return staleFlows(program(before), program(after), after, ownChains).map(
    ({ destination, port: number, endpoint: to }) =>
      `${destination ?? 'any'}:${number} to ${to === undefined ? 'any' : `${to.address}:${to.port}`}`,
  );
}

describe('stale connections', () => {
  it('are those to an endpoint that is gone, through every frontend', () => {
    expect(stale(dns([one, two]), dns([one]))).toEqual(['any:30053 to 10.1.0.2:53', '10.96.0.10:53 to 10.1.0.2:53']);
  });

  it('are all of a Service that gets its first endpoint', () => {
    expect(stale(dns([]), dns([one]))).toEqual(['any:30053 to any', '10.96.0.10:53 to any']);
  });

  it('are all of a Service that is gone, or has no endpoint left', () => {
    expect(stale(dns([one, two]), [])).toEqual(['any:30053 to any', '10.96.0.10:53 to any']);
    expect(stale(dns([one, two]), dns([]))).toEqual(['any:30053 to any', '10.96.0.10:53 to any']);
  });

  it('are not those to an endpoint that serves on and only gets no new ones', () => {
    const known = [one, two].map((serving) => ({ ...serving, ready: false, serving: true }));
    expect(stale(dns([one, two]), dns([one], { known }))).toEqual([]);
  });

  it('are those to an endpoint on another port of the same address', () => {
    const moved = endpoint('10.1.0.2:5353');
    expect(stale(dns([one, two]), dns([one, moved]))).toEqual([
      'any:30053 to 10.1.0.2:53',
      '10.96.0.10:53 to 10.1.0.2:53',
    ]);
  });

  it('are none where nothing changes for UDP', () => {
    expect(stale(dns([one, two]), dns([two, one]))).toEqual([]);
    expect(stale(dns([one], { protocol: 'TCP' }), dns([], { protocol: 'TCP' }))).toEqual([]);
  });
});

describe('forgetting', () => {
  const flow = (destination: string, replySource: string, destinationPort = 53): FakeFlow => ({
    source: '10.9.0.1',
    destination,
    destinationPort,
    replySource,
    replySourcePort: 53,
  });
  const flows = [
    flow('10.96.0.10', '10.1.0.1'),
    flow('10.96.0.10', '10.1.0.2'),
    flow('192.168.0.10', '10.1.0.2', 30053),
    flow('10.96.0.11', '10.1.0.2'),
  ];
  const gone = staleFlows(
    assemble(iptables, dns([one, two]), makeNode()).program,
    assemble(iptables, dns([one]), makeNode()).program,
    dns([one]),
    ownChains,
  );

  it('takes what is stale and nothing else', async () => {
    const kernel = createFakeKernel();
    kernel.flows = flows;
    expect(await forgetConnections(kernel.run, 'IPv4', gone)).toEqual({ found: 2, problem: undefined });
    expect(kernel.flows).toEqual([flows[0], flows[3]]);
  });

  it('is one command where there is nothing to forget', async () => {
    const kernel = createFakeKernel();
    kernel.flows = flows.slice(0, 1);
    expect(await forgetConnections(kernel.run, 'IPv4', gone)).toEqual({ found: 0, problem: undefined });
    expect(kernel.commands.length).toBe(1);
  });

  it('goes on where a connection ended by itself', async () => {
    const kernel = createFakeKernel();
    kernel.flows = flows;
    const { run } = kernel;
    const ending: typeof run = async (file, args, input) => {
      const result = await run(file, args, input);
      if (args[0] === '-L') kernel.flows = flows.slice(2);
      return result;
    };
    expect((await forgetConnections(ending, 'IPv4', gone)).problem).toBeUndefined();
    expect(kernel.flows).toEqual([flows[3]]);
  });

  it('says what is missing, once', async () => {
    const kernel = createFakeKernel('nft', { missing: ['conntrack'] });
    expect((await forgetConnections(kernel.run, 'IPv4', gone)).problem).toContain('not installed');
    expect(kernel.commands.length).toBe(1);
    const denied = createFakeKernel('nft', { noPrivilege: true });
    expect((await forgetConnections(denied.run, 'IPv4', gone)).problem).toContain('CAP_NET_ADMIN');
  });
});
