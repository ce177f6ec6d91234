import { describe, expect, it } from 'vitest';
import type { EndpointTraffic } from '../../backends/traffic.ts';
import { rational } from '../../compiler/values/rational.ts';
import { parseAddress } from '../../compiler/values/address.ts';
import { parsePort } from '../../compiler/values/port.ts';
import { clusterIP, endpoint, makeIR } from '../../test/helpers/ir.ts';
import { type AskedPort, askedJson, askedOf } from './asked.ts';
import { createTrafficBook, type ServiceRow } from './book.ts';
import { isBeyondChance } from './chance.ts';
import { countPorts } from './count.ts';
import { parseTold } from './told.ts';

const ir = makeIR([clusterIP('10.96.0.1', 80)], [endpoint('10.1.0.1:8080', { weight: 3 }), endpoint('10.1.0.2:8080')]);
const asked = askedOf(ir);
const name = ir.id.split('/').slice(0, 2).join('/');

function count(endpointText: string, connections: number, more: Partial<EndpointTraffic> = {}): EndpointTraffic {
  const rest = { dialled: undefined, volume: undefined, followsShares: true, protocol: 'TCP' } as const;
  return { servicePort: name, endpoint: endpointText, connections, ...rest, ...more };
}

/** Readings a second apart: connections of the first and the second endpoint. */
function after(readings: readonly (readonly EndpointTraffic[])[], ports: readonly AskedPort[] = [asked]) {
  const book = createTrafficBook();
  let rows: readonly ServiceRow[] = [];
  readings.forEach((counts, i) => {
    rows = book.add(countPorts([{ family: 'IPv4', counts }], ports), i * 1000);
  });
  const [row] = rows;
  if (row === undefined) throw new Error('no row');
  return { row, endpoints: row.clusters.flatMap((cluster) => cluster.endpoints) };
}
const both = (first: number, second: number, more: Partial<EndpointTraffic> = {}) => [
  count('10.1.0.1:8080', first, more),
  count('10.1.0.2:8080', second, more),
];

describe('rates', () => {
  it('a first reading has totals and no rate', () => {
    expect(after([both(30, 10)]).row).toMatchObject({ connections: 40, perSecond: undefined, countedAnew: false });
  });

  it('are what came since the reading before, by the time between', () => {
    expect(after([both(30, 10), both(36, 12)]).row).toMatchObject({ connections: 48, perSecond: { connections: 8 } });
  });

  it('of a counter that went back are what it shows now, and it is said', () => {
    const { row } = after([both(30, 10), both(5, 12)]);
    expect(row).toMatchObject({ countedAnew: true, perSecond: { connections: 7 } });
    expect(after([both(30, 10), both(5, 12), both(6, 12)]).row.countedAnew).toBe(false);
  });

  it('of packets and bytes are known where they are counted', () => {
    const volume = (packets: number) => ({ volume: { packets, bytes: packets * 100 } });
    expect(after([both(1, 1, volume(10)), both(1, 1, volume(15))]).row).toMatchObject({
      volume: { packets: 30, bytes: 3000 },
      perSecond: { volume: { packets: 10, bytes: 1000 } },
    });
  });
});

describe('shares', () => {
  it('are measured over all readings since the Service port is as it is', () => {
    const { endpoints } = after([both(1000, 0), both(1060, 20), both(1075, 25)]);
    expect(endpoints.map(({ share }) => share.measured)).toEqual([0.75, 0.25]);
    expect(endpoints.map(({ share }) => share.asked)).toEqual([[rational(3, 4)], [rational(1, 4)]]);
    expect(endpoints.some(({ share }) => share.deviates)).toBe(false);
  });

  it('that chance does not explain are marked, at endpoints and at their cluster', () => {
    const { endpoints, row } = after([both(0, 0), both(100, 300)]);
    expect(endpoints.map(({ share }) => share.deviates)).toEqual([true, true]);
    // All of them are in one cluster, which has its full share.
    expect(row.clusters.map(({ share }) => share.deviates)).toEqual([false]);
  });

  it.each([
    ['in a first reading, whose totals are older than the newest endpoint', [both(100, 300)], [asked]],
    [
      'where a scheduler looks at other things',
      [0, 1].map((i) => both(i * 100, i * 300, { followsShares: false })),
      [asked],
    ],
    ['where clients stay', [both(0, 0), both(100, 300)], [{ ...asked, affinity: true }]],
    ['where nobody told', [both(0, 0), both(100, 300)], []],
  ])('are not judged %s', (_, readings, ports) => {
    expect(after(readings, ports).endpoints.map(({ share }) => share.deviates)).toEqual([false, false]);
  });

  it('begin anew when a counter goes back, or another endpoint comes', () => {
    const restarted = after([both(0, 0), both(100, 300), both(101, 0)]);
    expect(restarted.endpoints.map(({ share }) => share.deviates)).toEqual([false, false]);
    const grown = after([both(0, 0), both(100, 300), [...both(100, 300), count('10.1.0.3:8080', 0)]]);
    expect(grown.endpoints.map(({ share }) => share.measured)).toEqual([undefined, undefined, undefined]);
  });

  it('an endpoint that nobody asks for has the share 0, and is marked when connections come to it', () => {
    const third = (connections: number) => count('10.1.0.3:8080', connections);
    const { endpoints } = after([
      [...both(0, 0), third(0)],
      [...both(75, 25), third(30)],
    ]);
    expect(endpoints.map(({ share }) => [share.asked[0], share.deviates]).at(-1)).toEqual([rational(0), true]);
  });
});

it('chance explains what is within four standard deviations, and a rest of one', () => {
  // 400 choices of 1/4: 100 expected, √(400 × 1/4 × 3/4) ≈ 8.66.
  expect([65, 64, 135, 136].map((chosen) => isBeyondChance(chosen, 400, rational(1, 4)))).toEqual([
    false,
    true,
    false,
    true,
  ]);
  expect([0, 1, 2].map((chosen) => isBeyondChance(chosen, 100, rational(0)))).toEqual([false, false, true]);
});

it('a counter is of the Service port whose place is dialled, where the kernel has no names', () => {
  const [address, port] = [parseAddress('10.96.0.1'), parsePort(80)];
  if (address === undefined || port === undefined) throw new Error('no place');
  const unnamed = { servicePort: undefined, dialled: { address, port } };
  const ports = countPorts([{ family: 'IPv4', counts: both(3, 4, unnamed) }], [asked]);
  expect([...ports.keys()]).toEqual([ir.id]);
  const strange = countPorts([{ family: 'IPv4', counts: both(3, 4, unnamed) }], []);
  expect([...strange.keys()]).toEqual(['10.96.0.1:80/TCP/IPv4']);
});

it('what an agent tells is read as it was, and nothing else is read', () => {
  const told = { mode: 'some', ...askedJson([asked]) };
  expect(parseTold(JSON.parse(JSON.stringify(told)))).toEqual({ mode: 'some', asked: [asked] });
  expect([{}, [], 'x', { mode: 'some', ports: [{ id: 1 }] }].map(parseTold)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

describe('two pools in use', () => {
  const pool = [endpoint('10.1.0.1:8080', { local: true }), endpoint('10.1.0.2:8080')];
  const [address, port, nodePort] = [parseAddress('10.96.0.1'), parsePort(80), parsePort(30_080)];
  if (address === undefined || port === undefined || nodePort === undefined) throw new Error('no place');
  const two = askedOf(
    makeIR([clusterIP('10.96.0.1', 80), { kind: 'nodePort', port: nodePort }], pool, {
      pools: { cluster: pool, local: pool.slice(0, 1) },
      external: { kind: 'forward', pool: 'local' },
      keepClientAddress: true,
    }),
  );
  const chosen = (cluster: number, local: number) => ({ byPool: { cluster, local } });
  const sharesOf = ({ endpoints }: ReturnType<typeof after>) =>
    endpoints.map(({ share }) => share.byPool.map(({ measured, deviates }) => [measured, deviates]));

  it('have two shares, which are not judged where nobody tells them apart', () => {
    expect(two.endpoints.map(({ shares }) => shares)).toEqual([
      [rational(1, 2), rational(1)],
      [rational(1, 2), rational(0)],
    ]);
    const { endpoints } = after([both(0, 0), both(400, 0)], [two]);
    expect(endpoints.map(({ share }) => [share.byPool, share.deviates])).toEqual([
      [[], false],
      [[], false],
    ]);
  });

  it('are judged each by itself: what comes to the local pool is no excess of the other', () => {
    const start = [count('10.1.0.1:8080', 0, chosen(0, 0)), count('10.1.0.2:8080', 0, chosen(0, 0))];
    const fair = [count('10.1.0.1:8080', 500, chosen(100, 400)), count('10.1.0.2:8080', 100, chosen(100, 0))];
    expect(sharesOf(after([start, fair], [two]))).toEqual([
      [
        [0.5, false],
        [1, false],
      ],
      [
        [0.5, false],
        [0, false],
      ],
    ]);
    const unfair = [count('10.1.0.1:8080', 450, chosen(50, 400)), count('10.1.0.2:8080', 150, chosen(150, 0))];
    const { endpoints } = after([start, unfair], [two]);
    expect(endpoints.map(({ share }) => share.byPool.map(({ deviates }) => deviates))).toEqual([
      [true, false],
      [true, false],
    ]);
    expect(endpoints.map(({ share }) => share.deviates)).toEqual([true, true]);
  });

  it('are told apart by the place that is dialled, where the kernel has no other sign', () => {
    const at = (one: string, place: typeof address | undefined, connections: number) =>
      count(one, connections, { dialled: { address: place, port: place === undefined ? nodePort : port } });
    const reading = (factor: number) => [
      at('10.1.0.1:8080', address, 90 * factor),
      at('10.1.0.2:8080', address, 10 * factor),
      at('10.1.0.1:8080', undefined, 60 * factor),
    ];
    expect(sharesOf(after([reading(0), reading(1)], [two]))).toEqual([
      [
        [0.9, true],
        [1, false],
      ],
      [
        [0.1, true],
        [0, false],
      ],
    ]);
  });

  it('begin anew where the counters of choices do, and totals go on', () => {
    const reading = (total: number, first: number, second: number) => [
      count('10.1.0.1:8080', total, chosen(first, 0)),
      count('10.1.0.2:8080', total, chosen(second, 0)),
    ];
    const { row, endpoints } = after([reading(0, 0, 0), reading(300, 100, 300), reading(310, 5, 5)], [two]);
    expect(row).toMatchObject({ countedAnew: false, perSecond: { connections: 20 } });
    expect(endpoints.map(({ share }) => share.deviates)).toEqual([false, false]);
  });
});
