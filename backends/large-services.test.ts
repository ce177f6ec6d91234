import { expect, it } from 'vitest';
import { clusterIP, endpoint, makeIR, makeNode } from '../test/helpers/ir.ts';
import { byName } from './index.ts';
import { one, sumRationals } from '../compiler/values/rational.ts';
import { parsePacket } from '../compiler/semantics/packet-text.ts';

/** Shares of so many, kept to the last bit, would take gigabytes and minutes. */
const many = makeIR(
  [clusterIP('10.96.0.1', 80)],
  Array.from({ length: 10_000 }, (_, i) => endpoint(`10.1.${i >> 8}.${i & 255}:80`)),
);

it.each(['iptables', 'ipvs'] as const)(
  'a Service with ten thousand endpoints is verified like any other in %s mode',
  async (backend) => {
    const node = makeNode();
    const target = { services: [many], node };
    const witness = await (await byName(backend)).witness();
    expect(witness.verify(target)).toEqual([]);
    const packet = parsePacket('pod 10.1.255.1 -> 10.96.0.1:80/tcp');
    if (packet === undefined) throw new Error('no packet');
    const { verdict } = witness.trace(target, packet);
    if (verdict.kind !== 'forward') throw new Error(verdict.kind);
    expect(verdict.to).toHaveLength(10_000);
    expect(sumRationals(verdict.to.map(({ share }) => share))).toEqual(one);
  },
);
