import { randomNumbers } from '../helpers/numbers.ts';
import { service, type Manifest } from './objects.ts';
import { tcpPort, type Dial } from './world.ts';

/**
 * A cluster that changes continuously: Services gain and lose endpoints, become empty and fill again, come and
 * go, and change their type. The same for the same seed.
 */
export interface Churn {
  /** The objects that the cluster holds now. */
  objects(): Manifest[];
  /** Changes one Service, and returns a description of the change. */
  next(): string;
}

const serviceCount = 8;
const endpointAddresses = ['10.12.0', '10.10.0'].flatMap((subnet) => [6, 7, 8, 9].map((n) => `${subnet}.${n}`));

interface ServiceState {
  exists: boolean;
  endpoints: readonly string[];
  affinity: boolean;
  nodePort: boolean;
}

/** Everything that clients may dial while the cluster changes, whether it exists at the time or not. */
export const churnDials: readonly Dial[] = Array.from({ length: serviceCount }, (_, i): Dial[] => [
  { from: 'client', to: clusterIpOf(i), port: 80 },
  { from: 'node', to: clusterIpOf(i), port: 80 },
  { from: 'outside', to: '172.18.0.12', port: nodePortOf(i) },
]).flat();

export function startChurn(seed: number): Churn {
  const random = randomNumbers(seed);
  const pick = (count: number) => Math.floor(random() * count);
  const someEndpoints = () => {
    const some = endpointAddresses.filter(() => random() < 0.4);
    return some.length > 0 ? some : [endpointAddresses[pick(endpointAddresses.length)] ?? ''];
  };
  const states = Array.from(
    { length: serviceCount },
    (_, i): ServiceState => ({ exists: true, endpoints: someEndpoints(), affinity: false, nodePort: i % 2 === 0 }),
  );

  function change(state: ServiceState): string {
    if (!state.exists || state.endpoints.length === 0) {
      state.exists = true;
      state.endpoints = someEndpoints();
      return `comes back with ${state.endpoints.length} endpoints`;
    }
    const dice = random();
    if (dice < 0.05) {
      state.exists = false;
      return 'goes';
    }
    if (dice < 0.1) {
      state.endpoints = [];
      return 'loses its endpoints';
    }
    if (dice < 0.2) {
      state.affinity = !state.affinity;
      return `${state.affinity ? 'gains' : 'loses'} session affinity`;
    }
    if (dice < 0.3) {
      state.nodePort = !state.nodePort;
      return `${state.nodePort ? 'opens' : 'closes'} its node port`;
    }
    state.endpoints = someEndpoints();
    return `has ${state.endpoints.length} endpoints`;
  }

  return {
    objects: () => states.flatMap(manifests),
    next() {
      const i = pick(serviceCount);
      const state = states[i];
      return state === undefined ? '' : `churn-${i} ${change(state)}`;
    },
  };
}

function manifests({ exists, endpoints, affinity, nodePort }: ServiceState, i: number): Manifest[] {
  if (!exists) return [];
  return service(`churn-${i}`, {
    clusterIPs: [clusterIpOf(i)],
    port: 80,
    ...(nodePort && { nodePort: nodePortOf(i) }),
    spec: {
      type: nodePort ? 'NodePort' : 'ClusterIP',
      ...(affinity && { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 2 } } }),
    },
    endpoints,
    endpointPort: tcpPort,
  });
}

function clusterIpOf(i: number): string {
  return `10.13.9.${10 + i}`;
}

function nodePortOf(i: number): number {
  return 30_900 + i;
}
