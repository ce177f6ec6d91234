import { expect, it } from 'vitest';
import { rational } from '../../compiler/values/rational.ts';
import type { EndpointRow, ServiceRow } from './book.ts';
import { trafficTable } from './table.ts';

const row = (endpoint: string, connections: number, rate: number | undefined, deviates = false): EndpointRow => ({
  ...{ endpoint, connections, volume: undefined },
  perSecond: rate === undefined ? undefined : { connections: rate, volume: undefined },
  share: { measured: 0.5, asked: [rational(1, 2)], byPool: [], deviates },
});

function service(id: string, endpoints: readonly EndpointRow[], countedAnew = false): ServiceRow {
  const connections = endpoints.reduce((sum, one) => sum + one.connections, 0);
  const rates = endpoints.flatMap(({ perSecond }) => perSecond ?? []);
  const perSecond =
    rates.length === 0
      ? undefined
      : { connections: rates.reduce((sum, one) => sum + one.connections, 0), volume: undefined };
  const sums = { connections, volume: undefined, perSecond };
  const share = { measured: 1, asked: [rational(1)], byPool: [], deviates: false };
  return { id, name: id, countedAnew, ...sums, clusters: [{ cluster: 'east', share, endpoints, ...sums }] };
}

const services = [
  service('shop/cart/TCP/IPv4', [row('10.1.0.1:80', 500, 1), row('10.1.0.2:80', 20, 4, true)]),
  service('shop/till/TCP/IPv4', [row('10.1.0.3:80', 30, 9)], true),
];
const textOf = (...[rows, choices]: Parameters<typeof trafficTable>) =>
  trafficTable(rows, choices).map(({ text }) => text);

it('shows Services by their rate, and says where an endpoint is share differs', () => {
  expect(textOf(services, { by: 'service', sort: 'rate' })).toEqual([
    'SERVICE             CONN/S  CONNECTIONS  NOTE',
    'shop/till/TCP/IPv4     9.0           30  counted anew',
    'shop/cart/TCP/IPv4     5.0          520  ! share differs',
  ]);
});

it('shows endpoints with their shares, and marks the lines of those that are off', () => {
  const choices = { by: 'endpoint', sort: 'total' } as const;
  expect(textOf(services.slice(0, 1), choices)).toEqual([
    'SERVICE             CLUSTER  ENDPOINT     CONN/S  CONNECTIONS   SHARE  ASKED  NOTE',
    'shop/cart/TCP/IPv4  east     10.1.0.1:80     1.0          500  50.0 %   50 %',
    'shop/cart/TCP/IPv4  east     10.1.0.2:80     4.0           20  50.0 %   50 %  ! share differs',
  ]);
  expect(trafficTable(services.slice(0, 1), choices).map(({ isMarked }) => isMarked)).toEqual([false, false, true]);
});

it('shows the measured share of each pool beside the asked one, where they are told apart', () => {
  const asked = [rational(1, 2), rational(1)];
  const byPool = [
    { pool: 'cluster', measured: 0.25, asked: rational(1, 2), deviates: true },
    { pool: 'local', measured: undefined, asked: rational(1), deviates: false },
  ] as const;
  const told = { ...row('10.1.0.1:80', 40, 1, true), share: { measured: 0.4, asked, byPool, deviates: true } };
  const untold = { ...told, share: { measured: 0.4, asked, byPool: [], deviates: false } };
  const choices = { by: 'endpoint', sort: 'name' } as const;
  const [, first = ''] = textOf([service('shop/cart/TCP/IPv4', [told])], choices);
  const [, second = ''] = textOf([service('shop/cart/TCP/IPv4', [untold])], choices);
  expect(first).toMatch(/ 25\.0 % \| - +50 % \| 100 % +! share differs$/);
  expect(second).toMatch(/ 40\.0 % +50 % \| 100 %$/);
});

it('leaves out columns that nothing has', () => {
  expect(
    textOf([service('shop/cart/TCP/IPv4', [row('10.1.0.1:80', 7, undefined)])], { by: 'cluster', sort: 'name' }),
  ).toEqual([
    'SERVICE             CLUSTER  CONNECTIONS    SHARE  ASKED',
    'shop/cart/TCP/IPv4  east               7  100.0 %  100 %',
  ]);
});

it('a hostile name stays one line of text', () => {
  const [, line = ''] = textOf([service('shop/\u001b[2Jx\ny/TCP/IPv4', [row('10.1.0.1:80', 1, 1)])], {
    by: 'service',
    sort: 'rate',
  });
  expect([line.includes('\u001b'), line.includes('\n')]).toEqual([false, false]);
});
