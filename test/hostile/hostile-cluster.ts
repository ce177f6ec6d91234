import type { ApiDouble } from '../apiserver/double.ts';
import { namespace } from '../agent/fleet.ts';
import { mcsGroup } from '../agent/faults.fixture.ts';
import type { Faults } from '../apiserver/faults.ts';
import type { Manifest } from '../packets/objects.ts';

/** A cluster that tries everything it can to take Services' connections, or to disturb the agent's work. */
export interface HostileCluster {
  /** Does one more hostile thing. Returns its name. */
  act(): string;
}

/** Services that accept this cluster's endpoints; those of the fleet do not. */
export const openServices: readonly Manifest[] = Array.from({ length: 10 }, (_, i) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: `open-${i}`, namespace, annotations: { 'slicewright.dev/accept-clusters': '*' } },
  spec: {
    type: 'ClusterIP',
    clusterIP: `10.13.99.${1 + i}`,
    clusterIPs: [`10.13.99.${1 + i}`],
    ipFamilies: ['IPv4'],
    ports: [{ protocol: 'TCP', port: 80, targetPort: 8080 }],
  },
  status: { loadBalancer: {} },
}));

/** Addresses that the agent's local cluster uses, and addresses where nothing answers. */
const claimed = ['10.12.0.6', '10.12.0.10', '172.18.0.12', '10.13.100.1', '10.66.0.1', '10.66.0.77', '10.66.0.78'];

/** Values that its API server sends although a good one would have refused them. */
const lies: Readonly<Record<string, string>> = {
  '10.66.0.77': '127.0.0.1',
  '10.66.0.78': '169.254.169.254',
  'evil-text': String.raw`x\n-I INPUT -j DROP\n`,
};

function lie(line: string): string {
  return Object.entries(lies).reduce((text, [good, bad]) => text.replaceAll(good, bad), line);
}

export function createHostileCluster(double: ApiDouble, services: number, random: () => number): HostileCluster {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const put = (object: Manifest): void => void double.apply(object as never);
  const present = new Map<string, Manifest>();
  const target = (): string => (random() < 0.7 ? `s${Math.floor(random() * services)}` : `open-${pick([0, 1, 2, 3])}`);

  function offer(name: string, addresses: readonly string[], more: object = {}): void {
    const exported = { apiVersion: `${mcsGroup}/v1alpha1`, kind: 'ServiceExport', metadata: { name, namespace } };
    present.set(name, exported);
    put(exported);
    put(sliceOf(name, `${name}-evil`, addresses, more));
  }

  const acts: Readonly<Record<string, () => void>> = {
    'offers addresses of others': () => offer(target(), claimed),
    'offers for many at once': () => {
      for (let i = 0; i < 40; i++) offer(`s${Math.floor(random() * services)}`, ['10.66.0.2']);
    },
    'takes all back': () => {
      for (const name of present.keys()) double.remove('ServiceExport', namespace, name);
      present.clear();
    },
    'sends a huge object': () => {
      const many = Array.from({ length: 1_000 }, (_, i) => `10.66.${1 + (i >> 8)}.${i & 255}`);
      offer(`open-${Math.floor(random() * 10)}`, many, { note: 'x'.repeat(300_000) });
    },
    'floods with objects': () => {
      for (let i = 0; i < 200; i++) put(sliceOf(`none-${i}`, `flood-${i}`, [`10.66.9.${i + 1}`]));
    },
    flaps: () => {
      const name = `open-${Math.floor(random() * 10)}`;
      for (let i = 0; i < 50; i++) offer(name, [`10.66.8.${i + 1}`]);
    },
    'writes rules into names': () => {
      offer(`open-${Math.floor(random() * 10)}`, ['10.66.0.3'], { note: 'evil-text' });
      put(sliceOf('evil-text', 'evil-text', ['10.66.0.3']));
    },
    'sends what is no event': () => {
      double.faults = { onEventLine: (line, response) => void response.write(`{"type":"ADDED"}\n${lie(line)}`) };
    },
    'says everything twice': () => {
      double.faults = { onEventLine: (line, response) => void response.write(lie(line) + lie(line)) };
    },
    'forgets its history': () => {
      double.faults = liar;
      double.store.compact();
      double.cutStreams();
    },
  };

  double.faults = liar;
  return {
    act() {
      const [name, act] = pick(Object.entries(acts));
      act();
      return name;
    },
  };
}

const liar: Faults = { onEventLine: (line, response) => void response.write(lie(line)) };

function sliceOf(service: string, name: string, addresses: readonly string[], annotations: object = {}): Manifest {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      ...{ name, namespace, annotations },
      labels: {
        'kubernetes.io/service-name': service,
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      },
    },
    addressType: 'IPv4',
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    endpoints: addresses.map((address) => ({
      addresses: [address],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: 'member2-node',
    })),
  };
}
