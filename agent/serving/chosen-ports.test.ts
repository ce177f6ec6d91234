import { expect, it } from 'vitest';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import { makeIR, port, service } from '../../test/helpers/ir.ts';
import { createChosenPorts } from './chosen-ports.ts';

const named = (name: string, healthCheckNodePort?: number): ServicePortIR =>
  makeIR([], [], {
    service: service(`shop/${name}`),
    ...(healthCheckNodePort && { healthCheckNodePort: port(healthCheckNodePort) }),
  });
const isChosen = ({ healthCheckNodePort }: ServicePortIR) => healthCheckNodePort !== undefined;

it('Service ports are chosen by looking at what changed', () => {
  const looks: string[] = [];
  const { of } = createChosenPorts((one) => {
    looks.push(one.service);
    return isChosen(one);
  });
  const first = [named('a'), named('b', 30_001), named('c', 30_002)];
  expect(of(first, undefined)).toEqual([first[1], first[2]]);
  looks.length = 0;

  const [, b, c] = first as [ServicePortIR, ServicePortIR, ServicePortIR];
  const [a, d] = [named('a', 30_003), named('d')];
  const second = [a, c, d];
  const changes = new Map<ServicePortIR['id'], ServicePortIR | 'gone'>([
    [a.id, a],
    [b.id, 'gone'],
    [d.id, d],
  ]);
  expect(new Set(of(second, { services: first, changes }))).toEqual(new Set([a, c]));
  expect(looks).toEqual(['shop/a', 'shop/d']);

  // It is unknown how this list differs from the previous one: `since` is about another list.
  expect(of([d], { services: first, changes: new Map() })).toEqual([]);
});
