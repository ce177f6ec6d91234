import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryPacket } from '../../test/helpers/arbitrary-packet.ts';
import { endpoint } from '../../test/helpers/ir.ts';
import { rational } from '../values/rational.ts';
import { disagreement } from './agree.ts';
import type { Verdict } from './packet.ts';
import { formatPacket, parsePacket } from './packet-text.ts';
import { toVerdict } from './verdict.ts';
import { formatFraction, formatVerdict } from './verdict-text.ts';

describe('packets as text', () => {
  it.each([
    'pod 10.12.0.9 -> 10.13.181.116:80/tcp',
    'outside 192.0.2.1 -> 10.12.0.2:30080/udp, remembers 10.10.0.6:8080',
    'node 2001:db8::2 -> [2001:db8:1::1]:80/sctp',
    'on cali12 10.12.0.9 -> 10.13.181.116:80/tcp',
  ])('%s is read back', (line) => {
    const packet = parsePacket(line);
    expect(packet && formatPacket(packet)).toBe(line);
  });

  it('are read back whatever they are', () => {
    fc.assert(
      fc.property(arbitraryPacket, (packet) => {
        expect(parsePacket(formatPacket(packet))).toEqual(packet);
      }),
    );
  });

  it.each([
    '',
    'pod -> 10.0.0.1:80/tcp',
    'pod 10.0.0.9 -> 10.0.0.1/tcp',
    'pod 10.0.0.9 -> 10.0.0.1:0/tcp',
    'pod 10.0.0.9 -> 10.0.0.1:80/icmp',
    'pod 10.0.0.9 -> [fd00::1]:80/tcp',
    'pod 10.0.0.9 -> 10.0.0.1:80/tcp, remembers 10.0.0.1',
    'pod 10.0.0.09 -> 10.0.0.1:80/tcp',
    'on  10.0.0.9 -> 10.0.0.1:80/tcp',
    'pod 10.0.0.9 -> 10.0.0.1:80/tcp\n',
  ])('%j is none', (line) => {
    expect(parsePacket(line)).toBeUndefined();
  });
});

describe('toVerdict', () => {
  const to = (text: string, share: [number, number], masquerade = false) => {
    const { address, port } = endpoint(text);
    return { share: rational(...share), fate: { kind: 'forward', address, port, masquerade } } as const;
  };

  it('adds up what goes one way, in order of the text', () => {
    const verdict = toVerdict([to('10.0.0.9:80', [1, 4]), to('10.0.0.10:80', [1, 2]), to('10.0.0.9:80', [1, 4])]);
    expect(formatVerdict(verdict)).toEqual(['1/2 to 10.0.0.10:80', '1/2 to 10.0.0.9:80']);
  });

  it('tells a masqueraded share from one that is not', () => {
    const verdict = toVerdict([to('10.0.0.9:80', [1, 2], true), to('10.0.0.9:80', [1, 2])]);
    expect(formatVerdict(verdict)).toEqual(['1/2 to 10.0.0.9:80', '1/2 to 10.0.0.9:80 masqueraded']);
  });

  it('says so when fates differ', () => {
    const drop = { share: rational(1, 3), fate: { kind: 'drop' } } as const;
    expect(formatVerdict(toVerdict([drop, to('10.0.0.9:80', [2, 3])]))).toEqual(['2/3 to 10.0.0.9:80', '1/3 drop']);
    expect(toVerdict([drop, drop, drop])).toEqual({ kind: 'drop' });
  });
});

describe('disagreement', () => {
  const split = (first: [number | bigint, number | bigint], masquerade = false): Verdict => {
    const { address, port } = endpoint('10.0.0.1:80');
    const other = endpoint('10.0.0.2:80');
    const share = rational(...first);
    return {
      kind: 'forward',
      to: [
        { address, port, share, masquerade },
        {
          address: other.address,
          port: other.port,
          share: rational(share.denominator - share.numerator, share.denominator),
          masquerade,
        },
      ],
    };
  };

  it('is none within the rounding of a kernel', () => {
    expect(disagreement(split([1, 3]), split([Math.round(2 ** 31 / 3), 2 ** 31]))).toBeUndefined();
    expect(disagreement(split([1, 2]), split([2 ** 30 + 2, 2 ** 31]))).toBeUndefined();
  });

  it('begins right beyond it', () => {
    expect(disagreement(split([1, 2]), split([2 ** 30 + 3, 2 ** 31]))).toMatch(/10\.0\.0\.1:80" instead of 1\/2/);
  });

  it('is there when anything at all goes another way', () => {
    const [tiny, rest] = [rational(1, 2n ** 31n), rational(2n ** 31n - 1n, 2n ** 31n)];
    const { address, port } = endpoint('10.0.0.1:80');
    const all = toVerdict([{ share: rational(1), fate: { kind: 'forward', address, port, masquerade: false } }]);
    const leaking = toVerdict([
      { share: rest, fate: { kind: 'forward', address, port, masquerade: false } },
      { share: tiny, fate: { kind: 'drop' } },
    ]);
    expect(disagreement(all, leaking)).toMatch(/^something goes "drop"/);
  });

  it('names what is missing and what is too much', () => {
    expect(disagreement(split([1, 2]), { kind: 'drop' })).toBe(
      'nothing goes "to 10.0.0.1:80"; expected: 1/2 to 10.0.0.1:80, 1/2 to 10.0.0.2:80; found: drop',
    );
    expect(disagreement({ kind: 'untouched' }, { kind: 'reject' })).toMatch(/^nothing goes "untouched"/);
    expect(disagreement(split([1, 1]), split([1, 2], true))).toMatch(/^nothing goes "to 10.0.0.1:80"/);
    const mixed: Verdict = {
      kind: 'mixed',
      to: [],
      rest: [
        { fate: 'drop', share: rational(1, 2) },
        { fate: 'reject', share: rational(1, 2) },
      ],
    };
    expect(disagreement(mixed, mixed)).toBeUndefined();
    expect(disagreement({ kind: 'drop' }, mixed)).toMatch(/^1\/2 goes "drop" instead of 1/);
  });
});

describe('formatFraction', () => {
  it('is exact as long as a person can read it', () => {
    expect(formatFraction(rational(1, 3))).toBe('1/3');
    expect(formatFraction(rational(715827883, 2 ** 31))).toBe('≈0.3333333335');
    expect(formatFraction(rational(1))).toBe('1');
  });
});
