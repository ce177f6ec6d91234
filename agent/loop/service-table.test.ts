import fc from 'fast-check';
import { expect, it } from 'vitest';
import { joinSince, type ServiceChanges, type Since } from '../../backends/target.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import { compareText, type ServicePortId } from '../../compiler/values/names.ts';
import { makeIR } from '../../test/helpers/ir.ts';
import { createServiceTable } from './service-table.ts';

const idOf = (n: number) => `shop/s${n}:http/TCP/IPv4` as ServicePortId;

/** Some of 200 Service ports change their meaning, or are removed: a few, or most of them. */
const arbitraryChanges = fc
  .array(fc.tuple(fc.nat(199), fc.option(fc.nat(3), { nil: undefined })), { maxLength: 120 })
  .map(
    (some): ServiceChanges =>
      new Map(
        some.map(([n, meaning]) => {
          const id = idOf(n);
          const hash = `${meaning}` as ServicePortIR['hash'];
          return [id, meaning === undefined ? 'gone' : makeIR([], [], { id, hash })];
        }),
      ),
  );

function changed({ services, changes }: Since): ServicePortIR[] {
  const all = new Map(services.map((ir) => [ir.id, ir]));
  for (const [id, ir] of changes) {
    if (ir === 'gone') all.delete(id);
    else all.set(id, ir);
  }
  return [...all.values()].sort((a, b) => compareText(a.id, b.id));
}

it('lists what the sum of all changes leaves, in id order, and tells truly how each list comes out of an earlier one', () => {
  fc.assert(
    fc.property(fc.array(arbitraryChanges, { minLength: 1, maxLength: 8 }), (rounds) => {
      const table = createServiceTable();
      const first = table.of('IPv4').services;
      let since: Since | undefined = { services: first, changes: new Map() };
      let expected: ServicePortIR[] = [];
      for (const changes of rounds) {
        const before = table.of('IPv4').services;
        table.apply(changes);
        const list = table.of('IPv4');
        expected = changed({ services: expected, changes });
        expect(list.services).toEqual(expected);
        expect(changed(list.since)).toEqual(expected);
        if (list.services !== before) since = joinSince(since, before, list.since);
      }
      expect(since?.services).toBe(first);
      expect(since && changed(since)).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});

it('does not join a way to a list that it does not lead to', () => {
  const [one, other]: [ServicePortIR[], ServicePortIR[]] = [[], []];
  const way: Since = { services: one, changes: new Map() };
  expect(joinSince(way, other, way)).toBeUndefined();
  expect(joinSince(undefined, one, way)).toBeUndefined();
});
