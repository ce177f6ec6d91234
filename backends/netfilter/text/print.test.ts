import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryRule } from '../../../test/helpers/arbitrary-rule.ts';
import { families, parseAddress, parseCidr } from '../../../compiler/values/address.ts';
import { parsePort } from '../../../compiler/values/port.ts';
import { parseRule } from './parse-rule.ts';
import { printRule } from './print.ts';
import type { ChainName, Match, Rule, SetName } from '../rule.ts';

const jump = { kind: 'jump', chain: 'KUBE-B' as ChainName } as const;
const cidr = (text: string) => parseCidr(text) ?? expect.unreachable(text);
const address = (text: string) => parseAddress(text) ?? expect.unreachable(text);
const port = (number: number) => parsePort(number) ?? expect.unreachable(String(number));

describe('a rule prints as iptables-save 1.8.9 prints it', () => {
  const cases: readonly (readonly [string, Rule])[] = [
    ['-A KUBE-A -j KUBE-B', { matches: [], target: jump }],
    ['-A KUBE-A -m comment --comment word', { matches: [{ kind: 'comment', text: 'word' }] }],
    [
      '-A KUBE-A ! -s 10.1.0.0/16 -d 10.96.0.6/32 -p tcp -m comment --comment "ns2/a:http cluster IP" -m tcp --dport 80 -j KUBE-B',
      {
        matches: [
          { kind: 'protocol', protocol: 'TCP' },
          { kind: 'comment', text: 'ns2/a:http cluster IP' },
          { kind: 'destination', cidr: cidr('10.96.0.6/32') },
          { kind: 'transport', protocol: 'TCP', dport: port(80) },
          { kind: 'source', cidr: cidr('10.1.0.0/16'), not: true },
        ],
        target: jump,
      },
    ],
    [
      `-A KUBE-A -m comment --comment "it\\'s a \\'b\\'" -j KUBE-B`,
      { matches: [{ kind: 'comment', text: "it's a 'b'" }], target: jump },
    ],
    [
      '-A KUBE-A ! -i br0 -j KUBE-B',
      { matches: [{ kind: 'inInterface', name: 'br0', prefix: false, not: true }], target: jump },
    ],
    ['-A KUBE-A -i cali+ -j KUBE-B', { matches: [{ kind: 'inInterface', name: 'cali', prefix: true }], target: jump }],
    [
      '-A KUBE-A -m mark --mark 0x1 -j RETURN',
      { matches: [{ kind: 'mark', value: 1, mask: 0xffffffff }], target: { kind: 'return' } },
    ],
    [
      '-A KUBE-A -m mark ! --mark 0x4000/0x4000 -j RETURN',
      { matches: [{ kind: 'mark', value: 0x4000, mask: 0x4000, not: true }], target: { kind: 'return' } },
    ],
    [
      '-A KUBE-A -j MARK --set-xmark 0x80000000/0x0',
      { matches: [], target: { kind: 'mark', value: 0x80000000, mask: 0 } },
    ],
    [
      '-A KUBE-A -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP',
      {
        matches: [{ kind: 'ctstate', states: ['DNAT', 'ESTABLISHED', 'RELATED'], not: true }],
        target: { kind: 'drop' },
      },
    ],
    [
      '-A KUBE-A -m statistic --mode random --probability 0.33333333349 -j KUBE-B',
      { matches: [{ kind: 'probability', of31: 715827883 }], target: jump },
    ],
    [
      '-A KUBE-A -m recent --rcheck --seconds 600 --reap --name KUBE-B --mask 255.255.255.255 --rsource -j KUBE-B',
      { matches: [{ kind: 'recent', op: 'check', list: 'KUBE-B' as ChainName, seconds: 600 }], target: jump },
    ],
    [
      '-A KUBE-A -p tcp -m recent --set --name KUBE-B --mask 255.255.255.255 --rsource -m tcp -j DNAT --to-destination 10.0.0.1:80',
      {
        matches: [
          { kind: 'protocol', protocol: 'TCP' },
          { kind: 'recent', op: 'set', list: 'KUBE-B' as ChainName },
          { kind: 'transport', protocol: 'TCP' },
        ],
        target: { kind: 'dnat', address: address('10.0.0.1'), port: port(80) },
      },
    ],
    ['-A KUBE-A -j REJECT --reject-with icmp-port-unreachable', { matches: [], target: { kind: 'reject' } }],
    ['-A KUBE-A -j MASQUERADE --random-fully', { matches: [], target: { kind: 'masquerade', randomFully: true } }],
    [
      '-A KUBE-A -m set --match-set KUBE-LOOP-BACK dst,dst,src -j MASQUERADE',
      {
        matches: [{ kind: 'set', name: 'KUBE-LOOP-BACK' as SetName, dims: ['dst', 'dst', 'src'] }],
        target: { kind: 'masquerade', randomFully: false },
      },
    ],
    [
      '-A KUBE-A -s 203.0.113.10/32 -m ipvs --vproto 6 --vaddr 203.0.113.10 --vport 80 -j DROP',
      {
        matches: [
          { kind: 'source', cidr: cidr('203.0.113.10/32') },
          { kind: 'ipvs', address: address('203.0.113.10'), protocol: 'TCP', port: port(80) },
        ],
        target: { kind: 'drop' },
      },
    ],
    [
      '-A KUBE-A -m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j ACCEPT',
      {
        matches: [
          { kind: 'physdevIsIn', not: true },
          { kind: 'addrtype', side: 'src', not: true },
        ],
        target: { kind: 'accept' },
      },
    ],
  ];

  it.each(cases)('%s', (line, rule) => {
    expect(printRule('IPv4', 'KUBE-A', rule)).toBe(line);
  });

  it.each([
    ['::1:2/128', '::0.1.0.2/128'],
    ['::ff00:0/104', '::255.0.0.0/104'],
    ['::1/128', '::1/128'],
    ['::1:2:3/128', '::1:2:3/128'],
    ['1::1:2/128', '1::1:2/128'],
  ])('and IPv6 addresses as inet_ntop has them: %s', (text, shown) => {
    const rule: Rule = { matches: [{ kind: 'source', cidr: cidr(text) }] };
    expect(printRule('IPv6', 'KUBE-A', rule)).toBe(`-A KUBE-A -s ${shown}`);
    expect(parseRule('IPv6', `-A KUBE-A -s ${shown}`)?.rule).toEqual(rule);
  });

  it('and in IPv6 with its own answers, masks and brackets', () => {
    expect(printRule('IPv6', 'KUBE-A', { matches: [], target: { kind: 'reject' } })).toBe(
      '-A KUBE-A -j REJECT --reject-with icmp6-port-unreachable',
    );
    expect(
      printRule('IPv6', 'KUBE-A', {
        matches: [
          { kind: 'protocol', protocol: 'UDP' },
          { kind: 'recent', op: 'set', list: 'KUBE-B' as ChainName },
        ],
        target: { kind: 'dnat', address: address('fd00::1'), port: port(53) },
      }),
    ).toBe(
      '-A KUBE-A -p udp -m recent --set --name KUBE-B --mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff --rsource -j DNAT --to-destination [fd00::1]:53',
    );
  });
});

describe('what is outside its grammar is never printed', () => {
  const matches: readonly (readonly [string, Match])[] = [
    ['a line break in a comment', { kind: 'comment', text: 'a"\n-A INPUT -j ACCEPT' }],
    ['a quote in a comment', { kind: 'comment', text: 'a" -j ACCEPT' }],
    ['a backslash in a comment', { kind: 'comment', text: 'a\\' }],
    ['an empty comment', { kind: 'comment', text: '' }],
    ['a comment of 256 characters', { kind: 'comment', text: 'x'.repeat(256) }],
    ['a comment that is not ASCII', { kind: 'comment', text: 'caf\u00e9' }],
    ['a bidirectional override', { kind: 'comment', text: 'a\u202eb' }],
    ['a network with host bits', { kind: 'source', cidr: '10.0.0.1/8' as never }],
    ['a network that is everything', { kind: 'source', cidr: '0.0.0.0/0' as never }],
    ['an address of the other family', { kind: 'destination', cidr: 'fd00::1/128' as never }],
    ['an interface with a blank', { kind: 'inInterface', name: 'eth0 -j', prefix: false }],
    ['an interface of 16 bytes', { kind: 'inInterface', name: 'abcdefghijklmno', prefix: true }],
    ['a list that is no name', { kind: 'recent', op: 'set', list: 'a b' as never }],
    ['a set that is no name', { kind: 'set', name: '-j' as never, dims: ['src'] }],
    ['a port beyond 65535', { kind: 'ipvs', address: address('10.0.0.1'), protocol: 'TCP', port: 65536 as never }],
    ['a mark of 33 bits', { kind: 'mark', value: 2 ** 32, mask: 1 }],
    ['a chance of nothing', { kind: 'probability', of31: 0 }],
    ['an unknown state', { kind: 'ctstate', states: ['NEW --ctstate' as never] }],
    ['a module without its protocol', { kind: 'transport', protocol: 'TCP' }],
  ];

  it.each(matches)('%s', (_, match) => {
    expect(() => printRule('IPv4', 'KUBE-A', { matches: [match], target: jump })).toThrow('cannot be printed');
  });

  it.each(['a b', 'A\n', '-j', 'ACCEPT', 'x'.repeat(29)])('a jump to %j', (chain) => {
    expect(() =>
      printRule('IPv4', 'KUBE-A', { matches: [], target: { kind: 'jump', chain: chain as ChainName } }),
    ).toThrow('cannot be printed');
  });

  it('a rule that says one thing twice', () => {
    const twice: Match[] = [
      { kind: 'comment', text: 'a' },
      { kind: 'comment', text: 'b' },
    ];
    expect(() => printRule('IPv4', 'KUBE-A', { matches: twice })).toThrow('two comment matches');
  });
});

describe('parse undoes print', () => {
  it.each(families)('for every rule of %s', (family) => {
    fc.assert(
      fc.property(arbitraryRule(family), (rule) => {
        expect(parseRule(family, printRule(family, 'KUBE-A', rule))).toEqual({ chain: 'KUBE-A', rule });
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    '-A KUBE-A -j KUBE-B extra',
    '-A KUBE-A -j LOG --log-prefix x',
    '-A KUBE-A -g KUBE-B',
    '-A KUBE-A -m comment --comment "open',
    '-A KUBE-A -m comment --comment "a"b -j KUBE-B',
    '-A KUBE-A -o eth0 -j KUBE-B',
    '-A KUBE-A -m tcp --dport 80 -j KUBE-B',
    '-A KUBE-A -p tcp -m tcp --dport 80:90 -j KUBE-B',
    '-A KUBE-A -p tcp -m tcp --sport 80 -j KUBE-B',
    '-A KUBE-A ! -p tcp -j KUBE-B',
    '-A KUBE-A ! -j KUBE-B',
    '-A KUBE-A -s 10.0.0.0/255.0.255.0 -j KUBE-B',
    '-A KUBE-A -m conntrack --ctstate NEW,UNTRACKED -j KUBE-B',
    '-A KUBE-A -m recent --rcheck --seconds 5 --name X --mask 255.255.255.255 --rsource -j KUBE-B',
    '-A KUBE-A -j DNAT --to-destination 10.0.0.1:80',
    '-A KUBE-A -p tcp -j DNAT --to-destination 10.0.0.1-10.0.0.9:80',
    '-A KUBE-A -p tcp -j REJECT --reject-with tcp-reset',
    '-N KUBE-A',
    '',
  ])('and takes nothing that print never says: %s', (line) => {
    expect(parseRule('IPv4', line)).toBeUndefined();
  });
});
