import { afterAll, beforeAll, expect, test, describe } from 'vitest';
import type { Network } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { type Manifest, service } from './objects.ts';
import { expectedOutcomes, loadProgram, programOf } from './program.ts';
import { bootWorld, type Dial, outcomesLike, tcpPort } from './world.ts';

/*
 * The connectivity cases of the MCS API's conformance suite, asked at the clusterset IP instead of its DNS name:
 * 18 exported Service reachable, 19 only exporters serve, 20 one port name with different numbers,
 * 21 different port names; and 24's other half, that the local Service stays local.
 */

const { lacks } = await probeSupport();

interface ServicePort {
  readonly name: string;
  readonly port: number;
}

/** What an MCS implementation writes into the consumer: an import with its VIP. */
function serviceImport(name: string, ip: string, ports: readonly ServicePort[]): Manifest {
  return {
    apiVersion: 'multicluster.x-k8s.io/v1alpha1',
    kind: 'ServiceImport',
    metadata: { name, namespace: 'test' },
    spec: { type: 'ClusterSetIP', ips: [ip], ports: ports.map((port) => ({ protocol: 'TCP', ...port })) },
  };
}

/** A slice of one exporting cluster; `servicePorts` is what that cluster's own Service calls and numbers its ports. */
function exported(name: string, cluster: string, address: string, servicePorts: readonly ServicePort[]): Manifest {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${cluster}-${name}`,
      namespace: 'test',
      labels: {
        'multicluster.kubernetes.io/service-name': name,
        'multicluster.kubernetes.io/source-cluster': cluster,
        'endpointslice.kubernetes.io/managed-by': 'mcs.example',
      },
      annotations: {
        'slicewright.dev/service-ports': JSON.stringify(servicePorts.map((port) => ({ protocol: 'TCP', ...port }))),
      },
    },
    addressType: 'IPv4',
    // Both clusters' Services have the same target: their slices look alike but for the names.
    ports: servicePorts.map(({ name: portName }) => ({ name: portName, protocol: 'TCP', port: tcpPort })),
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
  };
}

const tcp42 = [{ name: 'tcp', port: 42 }];
const tcp4242 = [{ name: 'tcp', port: 4242 }];
const other4242 = [{ name: 'tcp2', port: 4242 }];

const objects: readonly Manifest[] = [
  serviceImport('hello', '10.13.42.18', tcp42),
  exported('hello', 'member1', '10.10.0.6', tcp42),
  // The same name here, not exported: its own cluster IP, its own pods.
  ...service('hello', { clusterIPs: ['10.13.42.24'], port: 42, endpoints: ['10.12.0.6'], endpointPort: tcpPort }),

  serviceImport('numbers', '10.13.42.20', tcp42),
  exported('numbers', 'member1', '10.10.0.7', tcp42),
  exported('numbers', 'member2', '10.12.0.7', tcp4242),

  serviceImport('names', '10.13.42.21', [...tcp42, ...other4242]),
  exported('names', 'member1', '10.10.0.8', tcp42),
  exported('names', 'member2', '10.12.0.8', other4242),
];

const cases: readonly (readonly [string, Dial, readonly string[]])[] = [
  ['18: an exported Service is reached', { from: 'client', to: '10.13.42.18', port: 42 }, ['10.10.0.6:8080']],
  ['18: from the node, too', { from: 'node', to: '10.13.42.18', port: 42 }, ['10.10.0.6:8080 masqueraded']],
  [
    '19: a cluster that does not export serves nobody',
    { from: 'client', to: '10.13.42.18', port: 42 },
    ['10.10.0.6:8080'],
  ],
  [
    '24: the local Service of the name stays local',
    { from: 'client', to: '10.13.42.24', port: 42 },
    ['10.12.0.6:8080'],
  ],
  [
    '20: a port name with another number serves nobody',
    { from: 'client', to: '10.13.42.20', port: 42 },
    ['10.10.0.7:8080'],
  ],
  ['21: each port reaches its cluster', { from: 'client', to: '10.13.42.21', port: 42 }, ['10.10.0.8:8080']],
  ['21: the other port, the other cluster', { from: 'client', to: '10.13.42.21', port: 4242 }, ['10.12.0.8:8080']],
];

describe.each(['nft', 'nftables'] as const)('%s', (mode) => {
  describeIn('network namespace', lacks.namespaces ?? lacks.nft, `clusterset IPs, ${mode}`, () => {
    const program = programOf(objects, {}, ['port-conflict', 'port-mismatch', 'remote-port-mismatch']);
    let network: Network;
    beforeAll(async () => {
      network = await bootWorld();
      await loadProgram(network, mode, program);
    });
    afterAll(() => network?.close());

    test.each(cases)('%s', async (_, dial, seen) => {
      expect(await outcomesLike(network, dial, seen, 10)).toEqual(seen);
      expect(expectedOutcomes(program, dial, mode)).toEqual(seen);
    });
  });
});
