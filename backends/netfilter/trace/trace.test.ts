import { describe, expect, it } from 'vitest';
import { address, makeNode } from '../../../test/helpers/ir.ts';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { parsePacket } from '../../../compiler/semantics/packet-text.ts';
import { formatTrace, formatVerdict } from '../../../compiler/semantics/verdict-text.ts';
import type { TraceOptions } from '../text/matches.ts';
import { parseSave } from '../text/parse.ts';
import { traceRuleset } from './trace.ts';

/** Rules by table, as iptables-save writes them; every chain that they name is declared. */
type Tables = Readonly<Partial<Record<'filter' | 'nat' | 'mangle', string>>>;

const kernelChains = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];

function saveOf(tables: Tables): string {
  return Object.entries(tables)
    .map(([table, rules]) => {
      const lines = rules.trim().split(/\n\s*/);
      const ours = new Set(
        lines.map((line) => line.split(' ')[1] ?? '').filter((name) => !kernelChains.includes(name)),
      );
      const chains = [
        ...kernelChains.map((name) => `:${name} ACCEPT [0:0]`),
        ...[...ours].map((name) => `:${name} - [0:0]`),
      ];
      return [`*${table}`, ...chains, ...lines, 'COMMIT', ''].join('\n');
    })
    .join('');
}

function trace(tables: Tables, line: string, node: NodeContext = makeNode(), options: TraceOptions = {}) {
  const packet = parsePacket(line);
  if (packet === undefined) throw new Error(`${line} is not a packet`);
  const { ruleset } = parseSave(saveOf(tables), 'IPv4', (_table, chain) => /^(KUBE|LOOP)-/.test(chain));
  return traceRuleset(ruleset, packet, node, options);
}

const fates = (...args: Parameters<typeof trace>) => formatVerdict(trace(...args).verdict).join('; ');

const pod = 'pod 10.1.0.9 -> 10.96.0.1:80/tcp';
const outside = 'outside 192.0.2.1 -> 10.96.0.1:80/tcp';
const ownNode = 'node 192.168.0.10 -> 10.96.0.1:80/tcp';
const hook = '-j KUBE-A';

describe('hooks', () => {
  const dnat = '-A KUBE-A -p tcp -m tcp -j DNAT --to-destination 10.2.0.5:8080';
  const dnatHere = '-A KUBE-A -p tcp -m tcp -j DNAT --to-destination 192.168.0.10:8080';

  it('of nat: PREROUTING for what arrives, OUTPUT for what the node sends', () => {
    const arriving = { nat: `-A PREROUTING ${hook}\n${dnat}` };
    expect([fates(arriving, pod), fates(arriving, ownNode)]).toEqual(['all to 10.2.0.5:8080', 'untouched']);
    const sent = { nat: `-A OUTPUT ${hook}\n${dnat}` };
    expect([fates(sent, pod), fates(sent, ownNode)]).toEqual(['untouched', 'all to 10.2.0.5:8080']);
  });

  it('of filter see the translated packet: FORWARD when it goes on, INPUT when it ends here', () => {
    const filter = (chain: string, to: string) => `-A ${chain} -j KUBE-F\n-A KUBE-F -d ${to}/32 -j DROP`;
    const far = `-A PREROUTING ${hook}\n${dnat}`;
    expect(fates({ nat: far, filter: filter('FORWARD', '10.2.0.5') }, pod)).toBe('drop');
    expect(fates({ nat: far, filter: filter('INPUT', '10.2.0.5') }, pod)).toBe('all to 10.2.0.5:8080');
    expect(fates({ nat: far, filter: filter('FORWARD', '10.96.0.1') }, pod)).toBe('all to 10.2.0.5:8080');
    const near = `-A PREROUTING ${hook}\n${dnatHere}`;
    expect(fates({ nat: near, filter: filter('INPUT', '192.168.0.10') }, pod)).toBe('drop');
    expect(fates({ nat: near, filter: filter('FORWARD', '192.168.0.10') }, pod)).toBe('all to 192.168.0.10:8080');
  });

  it('of POSTROUTING are met by what leaves or was sent here, not by what only arrives', () => {
    const masquerade = `-A POSTROUTING -j KUBE-M\n-A KUBE-M -j MASQUERADE`;
    const near = `-A PREROUTING ${hook}\n-A OUTPUT ${hook}\n${dnatHere}\n${masquerade}`;
    expect(fates({ nat: near }, outside)).toBe('all to 192.168.0.10:8080');
    expect(fates({ nat: near }, ownNode)).toBe('all to 192.168.0.10:8080 masqueraded');
    expect(fates({ nat: `-A PREROUTING ${hook}\n${dnat}\n${masquerade}` }, outside)).toBe(
      'all to 10.2.0.5:8080 masqueraded',
    );
  });

  it('let what the node sends to itself in through INPUT, from the loopback interface', () => {
    const filter = '-A INPUT -j KUBE-I\n-A KUBE-I -i lo -p tcp -m tcp --dport 9000 -j ACCEPT';
    expect(fates({ filter }, 'node 192.168.0.10 -> 192.168.0.10:9000/tcp')).toBe('accept');
    expect(fates({ filter }, 'outside 192.0.2.1 -> 192.168.0.10:9000/tcp')).toBe('untouched');
  });

  it('of other tables let nothing in: only the filter table does', () => {
    const mangle = '-A INPUT -j KUBE-I\n-A KUBE-I -j ACCEPT';
    expect(fates({ mangle }, 'outside 192.0.2.1 -> 192.168.0.10:9000/tcp')).toBe('untouched');
  });

  it('show a new source even for what no Service translated', () => {
    const nat = '-A POSTROUTING -j KUBE-M\n-A KUBE-M -j MASQUERADE';
    expect(fates({ nat }, pod)).toBe('all to 10.96.0.1:80 masqueraded');
  });
});

describe('chains', () => {
  it('end at the first verdict of nat', () => {
    const nat = `-A PREROUTING ${hook}
      -A KUBE-A -j KUBE-B
      -A KUBE-A -p tcp -m tcp -j DNAT --to-destination 10.2.0.2:80
      -A KUBE-B -p tcp -m tcp -j DNAT --to-destination 10.2.0.1:80`;
    expect(fates({ nat }, pod)).toBe('all to 10.2.0.1:80');
  });

  it('return to the rule after the jump', () => {
    const nat = `-A PREROUTING ${hook}
      -A KUBE-A -j KUBE-B
      -A KUBE-A -p tcp -m tcp -j DNAT --to-destination 10.2.0.2:80
      -A KUBE-B -s 10.1.0.0/16 -j RETURN
      -A KUBE-B -p tcp -m tcp -j DNAT --to-destination 10.2.0.1:80`;
    expect([fates({ nat }, pod), fates({ nat }, outside)]).toEqual(['all to 10.2.0.2:80', 'all to 10.2.0.1:80']);
  });

  it('that are reached in a circle are named, once, and left', () => {
    const nat = `-A PREROUTING -j LOOP-A\n-A LOOP-A -j LOOP-B\n-A LOOP-B -j LOOP-A`;
    const { verdict, steps } = trace({ nat }, pod);
    expect(verdict).toEqual({ kind: 'untouched' });
    expect(steps.map(({ skipped }) => skipped)).toEqual([undefined, undefined, 'loop']);
  });

  it('hold rules that nobody can follow: they are named and passed over', () => {
    const nat = `-A PREROUTING ${hook}
      -A KUBE-A -m time --timestart 10:00 -j KUBE-B
      -A KUBE-A -m set --match-set KUBE-X dst -j KUBE-B
      -A KUBE-A -p tcp -m tcp -j DNAT --to-destination 10.2.0.2:80
      -A KUBE-B -j RETURN`;
    const { verdict, steps } = trace({ nat }, pod);
    expect(formatVerdict(verdict)).toEqual(['all to 10.2.0.2:80']);
    expect(steps.map(({ skipped }) => skipped)).toEqual([undefined, 'not understood', 'not understood', undefined]);
  });

  it('of many rules give the same, though only some rules are asked', () => {
    const others = Array.from(
      { length: 40 },
      (_, i) => `-A KUBE-A -d 10.96.1.${i}/32 -p tcp -m tcp --dport ${i + 1} -j KUBE-B`,
    );
    const nat = [
      `-A PREROUTING ${hook}`,
      ...others.slice(0, 20),
      '-A KUBE-A -d 10.96.0.0/24 -p tcp -m tcp --dport 81 -j KUBE-B',
      '-A KUBE-A -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j KUBE-C',
      ...others.slice(20),
      '-A KUBE-A ! -d 10.96.0.2/32 -p tcp -m tcp --dport 82 -j KUBE-C',
      '-A KUBE-A -d 10.96.0.0/24 -p tcp -m tcp --dport 83 -j KUBE-B',
      '-A KUBE-A -d 10.96.0.5/32 -p tcp -m tcp --dport 83 -j KUBE-C',
      '-A KUBE-B -p tcp -m tcp -j DNAT --to-destination 10.2.0.2:80',
      '-A KUBE-C -p tcp -m tcp -j DNAT --to-destination 10.2.0.3:80',
    ].join('\n');
    const dial = (destination: string) => fates({ nat }, `pod 10.1.0.9 -> ${destination}/tcp`);
    expect(
      ['10.96.1.7:8', '10.96.0.9:81', '10.96.0.1:80', '10.96.0.5:83', '10.96.0.7:82', '10.96.0.2:82'].map(dial),
    ).toEqual([
      'all to 10.2.0.2:80',
      'all to 10.2.0.2:80',
      'all to 10.2.0.3:80',
      'all to 10.2.0.2:80',
      'all to 10.2.0.3:80',
      'untouched',
    ]);
  });
});

describe('chances', () => {
  const endpoints = (chances: readonly (string | undefined)[]) =>
    [
      `-A PREROUTING ${hook}`,
      ...chances.map((chance, i) => {
        const statistic = chance === undefined ? '' : `-m statistic --mode random --probability ${chance} `;
        return `-A KUBE-A ${statistic}-j KUBE-SEP-${i}`;
      }),
      ...chances.map((_, i) => `-A KUBE-SEP-${i} -p tcp -m tcp -j DNAT --to-destination 10.2.0.${i}:80`),
    ].join('\n');

  it('split a flow exactly as the kernel keeps them', () => {
    const { verdict } = trace({ nat: endpoints(['0.33333333349', '0.50000000000', undefined]) }, pod);
    if (verdict.kind !== 'forward') throw new Error(verdict.kind);
    // 0.33333333349 is 715827883 / 2³¹; half of the rest is 1431655765 / 2³².
    expect(verdict.to.map(({ share }) => [share.numerator, share.denominator])).toEqual([
      [715827883n, 2n ** 31n],
      [1431655765n, 2n ** 32n],
      [1431655765n, 2n ** 32n],
    ]);
  });

  it('that run out leave the rest as it was', () => {
    expect(fates({ nat: endpoints(['0.25000000000', '0.50000000000']) }, pod)).toBe(
      '1/4 to 10.2.0.0:80; 3/8 to 10.2.0.1:80; 3/8 untouched',
    );
  });

  it('of several endpoints at one address add up', () => {
    const nat = endpoints(['0.50000000000', '0.50000000000', undefined]).replaceAll('10.2.0.2:', '10.2.0.0:');
    expect(fates({ nat }, pod)).toBe('3/4 to 10.2.0.0:80; 1/4 to 10.2.0.1:80');
  });

  it('of very many endpoints stay exact', () => {
    const chances = Array.from({ length: 200 }, () => '0.00000000047');
    const { verdict } = trace({ nat: endpoints(chances) }, pod);
    // One in 2³¹ each: what is left after 200 of them.
    if (verdict.kind !== 'mixed') throw new Error(verdict.kind);
    expect(verdict.rest).toEqual([
      { fate: 'untouched', share: { numerator: (2n ** 31n - 1n) ** 200n, denominator: 2n ** 6200n } },
    ]);
  });
});

describe('matches', () => {
  const drops = (match: string, line: string, node?: NodeContext, options?: TraceOptions) =>
    fates(
      { filter: `-A FORWARD -j KUBE-F\n-A INPUT -j KUBE-F\n-A OUTPUT -j KUBE-F\n-A KUBE-F ${match} -j DROP` },
      line,
      node,
      options,
    ) === 'drop';

  it.each([
    ['-s 10.1.0.0/16', pod, true],
    ['-s 10.1.0.0/16', outside, false],
    ['! -s 10.1.0.0/16', outside, true],
    ['! -d 10.96.0.1/32', pod, false],
    ['-i veth+', pod, true],
    ['-i veth0', outside, false],
    ['! -i veth0', ownNode, true],
    ['-p udp', pod, false],
    ['-p tcp -m tcp --dport 80', pod, true],
    ['-p tcp -m tcp --dport 81', pod, false],
    ['-m addrtype --dst-type LOCAL', 'outside 192.0.2.1 -> 192.168.0.10:80/tcp', true],
    ['-m addrtype --dst-type LOCAL', 'node 127.0.0.1 -> 127.0.0.1:80/tcp', true],
    ['-m addrtype --dst-type LOCAL', pod, false],
    ['-m addrtype --src-type LOCAL', ownNode, true],
    ['-m addrtype ! --src-type LOCAL', pod, true],
    ['-m conntrack --ctstate NEW', pod, true],
    ['-m conntrack --ctstate RELATED,ESTABLISHED', pod, false],
    ['-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT', pod, true],
    ['-m physdev ! --physdev-is-in', pod, true],
    ['-m mark --mark 0x4000/0x4000', pod, false],
    ['-m mark ! --mark 0x4000/0x4000', pod, true],
    ['-m comment --comment "a word"', pod, true],
  ])('%s, %s: %s', (match, line, isDropped) => {
    expect(drops(match, line)).toBe(isDropped);
  });

  it('know a translated connection', () => {
    const tables = {
      nat: `-A PREROUTING ${hook}\n-A KUBE-A -p tcp -m tcp -j DNAT --to-destination 10.2.0.5:80`,
      filter: '-A FORWARD -j KUBE-F\n-A KUBE-F -m conntrack ! --ctstate DNAT -j DROP',
    };
    expect(fates(tables, pod)).toBe('all to 10.2.0.5:80');
    expect(fates({ filter: tables.filter }, pod)).toBe('drop');
  });

  it('see a mark as it was set, flipped and cleared', () => {
    const marked = (...targets: string[]) =>
      fates(
        {
          mangle: [
            '-A PREROUTING -j KUBE-A',
            ...targets.map((target) => `-A KUBE-A -j MARK --set-xmark ${target}`),
          ].join('\n'),
          filter: '-A FORWARD -j KUBE-F\n-A KUBE-F -m mark --mark 0x80000000/0x80000000 -j DROP',
        },
        pod,
      );
    expect(marked('0x80000000/0x80000000')).toBe('drop');
    expect(marked('0x80000000/0x80000000', '0x80000000/0x0')).toBe('untouched');
    expect(marked('0x80000000/0x80000000', '0x0/0xffffffff')).toBe('untouched');
    expect(marked('0x80000000/0x0', '0x1/0x1')).toBe('drop');
  });

  it('ask whoever knows sets', () => {
    const inSet: TraceOptions['inSet'] = (set, dims, flow) =>
      set === 'KUBE-X' && dims.join() === 'dst,dst' && flow.destinationPort === 80;
    expect(drops('-m set --match-set KUBE-X dst,dst', pod, makeNode(), { inSet })).toBe(true);
    expect(drops('-m set ! --match-set KUBE-X dst,dst', pod, makeNode(), { inSet })).toBe(false);
    expect(drops('-m set --match-set KUBE-Y dst,dst', pod, makeNode(), { inSet })).toBe(false);
  });

  it('take addresses bound for IPVS for the node’s own', () => {
    const boundAddresses = new Set([address('10.96.0.1')]);
    expect(drops('-m addrtype --dst-type LOCAL', pod, makeNode(), { boundAddresses })).toBe(true);
  });

  it('find a client remembered by where the list’s chain sends', () => {
    const nat = `-A PREROUTING ${hook}
      -A KUBE-A -m recent --rcheck --seconds 600 --reap --name KUBE-SEP-1 --mask 255.255.255.255 --rsource -j KUBE-SEP-1
      -A KUBE-A -m recent --rcheck --seconds 600 --reap --name KUBE-SEP-2 --mask 255.255.255.255 --rsource -j KUBE-SEP-2
      -A KUBE-A -j KUBE-SEP-1
      -A KUBE-SEP-1 -p tcp -m recent --set --name KUBE-SEP-1 --mask 255.255.255.255 --rsource -m tcp -j DNAT --to-destination 10.2.0.1:80
      -A KUBE-SEP-2 -p tcp -m recent --set --name KUBE-SEP-2 --mask 255.255.255.255 --rsource -m tcp -j DNAT --to-destination 10.2.0.2:80`;
    expect(fates({ nat }, `${pod}, remembers 10.2.0.2:80`)).toBe('all to 10.2.0.2:80');
    expect(fates({ nat }, `${pod}, remembers 10.2.0.2:81`)).toBe('all to 10.2.0.1:80');
  });
});

describe('the steps of a trace', () => {
  it('are the rules that matched, each with the part that met it', () => {
    const nat = `-A PREROUTING ${hook}
      -A KUBE-A -d 10.96.0.9/32 -j KUBE-B
      -A KUBE-A -m statistic --mode random --probability 0.50000000000 -j KUBE-B
      -A KUBE-A -j KUBE-C
      -A KUBE-B -p tcp -m tcp -j DNAT --to-destination 10.2.0.1:80
      -A KUBE-C -p tcp -m tcp -j DNAT --to-destination 10.2.0.2:80`;
    expect(formatTrace(trace({ nat }, pod))).toEqual([
      'nat PREROUTING: -A PREROUTING -j KUBE-A',
      'nat KUBE-A [1/2]: -A KUBE-A -m statistic --mode random --probability 0.50000000000 -j KUBE-B',
      'nat KUBE-B [1/2]: -A KUBE-B -p tcp -m tcp -j DNAT --to-destination 10.2.0.1:80',
      'nat KUBE-A [1/2]: -A KUBE-A -j KUBE-C',
      'nat KUBE-C [1/2]: -A KUBE-C -p tcp -m tcp -j DNAT --to-destination 10.2.0.2:80',
    ]);
  });
});
