import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryNode, arbitraryServices } from '../../../test/helpers/arbitrary-ir.ts';
import { assemble } from '../../assemble.ts';
import { ipvs } from '../index.ts';
import { parseBound, parseConnections, parseEndpoint, parseServers, parseSets } from './parse.ts';
import { addressLines, document, serverLines, setLines, sysctlLines } from './print.ts';
import type { SetName } from '../../netfilter/rule.ts';
import { parseSysctls } from '../../host/sysctl.ts';

const every = () => true;

describe('what is printed reads back as it was', () => {
  const programs = fc
    .tuple(arbitraryServices(), arbitraryNode())
    .map(([services, node]) => assemble(ipvs, services, node).program);

  it('virtual servers', () => {
    fc.assert(
      fc.property(programs, ({ servers }) => {
        expect(parseServers(document(serverLines(servers.values())))).toEqual(servers);
      }),
    );
  });
  it('sets', () => {
    fc.assert(
      fc.property(programs, ({ sets }) => {
        const read = parseSets(document(setLines(sets.values())), every);
        expect([...read.values()].map(({ name, definition, entries }) => ({ name, definition, entries }))).toEqual([
          ...sets.values(),
        ]);
      }),
    );
  });
  it('sysctls', () => {
    fc.assert(
      fc.property(programs, ({ sysctls }) => {
        expect(parseSysctls(document(sysctlLines(sysctls)))).toEqual(sysctls);
      }),
    );
  });
});

describe('ipvsadm --save -n', () => {
  it('keeps options that ours never have, so that such a server differs from ours', () => {
    const text = [
      '-A -t 10.0.0.1:80 -s wlc -p 60 -M 255.255.255.0',
      '-a -t 10.0.0.1:80 -r 10.1.0.9:80 -g -w 3 -x 100 -y 50',
      '-A --sctp-service [fd00::1]:80 -s mh -b mh-port',
      '',
    ].join('\n');
    const [tcp, sctp] = [...parseServers(text).values()];
    expect(tcp).toMatchObject({ scheduler: 'wlc', persistenceSeconds: 60, other: '-M 255.255.255.0' });
    expect(tcp?.reals).toMatchObject([{ forwarding: 'route', weight: 3, other: '-x 100 -y 50' }]);
    expect(sctp).toMatchObject({
      protocol: 'SCTP',
      address: 'fd00::1',
      flags: ['mh-port'],
      persistenceSeconds: undefined,
    });
    expect(document(serverLines(parseServers(text).values()))).toBe(text);
  });

  it('passes over servers by firewall mark and what belongs to them', () => {
    expect(parseServers('-A -f 1 -s rr\n-a -f 1 -r 10.1.0.1:0 -m -w 1\n')).toEqual(new Map());
  });

  it('lists real servers by number, not by text', () => {
    const text = ['-A -t 10.0.0.1:80 -s rr', ...[10, 9, 100].map((n) => `-a -t 10.0.0.1:80 -r 10.1.0.${n}:80 -m -w 1`)];
    const [server] = [...parseServers(text.join('\n')).values()];
    expect(server?.reals.map(({ address }) => address)).toEqual(['10.1.0.9', '10.1.0.10', '10.1.0.100']);
  });

  it.each(['10.0.0.1', '10.0.0.1:0', '10.0.0.1:70000', '[fd00::1]', 'fd00::1:80', '10.0.0.1:80 ', ''])(
    '%j is no address and port',
    (text) => expect(parseEndpoint(text)).toBeUndefined(),
  );
});

// As ipvsadm 1.31 printed it, of Linux 6.1.
const listing = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.0.0.1:80 rr persistent 10800
  -> 10.1.0.1:80                  Masq    1      2          3         
  -> 10.1.0.2:80                  Masq    0      0          0         
SCTP 10.0.0.2:53 mh (mh-port)
TCP  [fd00::1]:80 sh
  -> [fd00::2]:8080               Masq    3      1          0         
FWM  1 rr
  -> 10.9.0.1:0                   Masq    1      7          0         
`;

describe('ipvsadm --list -n', () => {
  it('gives connections that are open or closing, per real server', () => {
    expect(Object.fromEntries(parseConnections(listing))).toEqual({
      '10.0.0.1:80/TCP/10.1.0.1:80': 5,
      '[fd00::1]:80/TCP/[fd00::2]:8080': 1,
    });
  });
});

describe('ipset save', () => {
  it('is read without what the kernel chooses, and with the time that entries have left', () => {
    const text = [
      'create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x95bbe428',
      'add KUBE-CLUSTER-IP 10.0.0.2,tcp:80',
      'add KUBE-CLUSTER-IP 10.0.0.1,tcp:80',
      'create OTHER hash:ip family inet hashsize 64 maxelem 4',
      'add OTHER 10.0.0.1',
      'create D hash:ip,port,ip family inet hashsize 1024 maxelem 65536 timeout 900 bucketsize 12 initval 0xa2c85653',
      'add D 10.0.0.1,tcp:80,10.1.0.2 timeout 17',
      'create B bitmap:port range 0-65535',
      'add B 30000',
      '',
    ].join('\n');
    const sets = parseSets(text, (name) => name !== 'OTHER');
    expect([...sets.keys()]).toEqual(['B', 'D', 'KUBE-CLUSTER-IP']);
    expect(sets.get('KUBE-CLUSTER-IP' as SetName)).toMatchObject({
      definition: 'hash:ip,port family inet maxelem 65536',
      entries: ['10.0.0.1,tcp:80', '10.0.0.2,tcp:80'],
    });
    expect([...(sets.get('D' as SetName)?.secondsLeft ?? [])]).toEqual([['10.0.0.1,tcp:80,10.1.0.2', 17]]);
    expect(sets.get('D' as SetName)?.definition).toBe('hash:ip,port,ip family inet maxelem 65536 timeout 900');
  });
});

it.each(['\r', '\t', '\0', '\u001b'])('a line with %j in it says nothing', (sign) => {
  const servers = parseServers(`-A -t 10.0.0.1:80 -s sh -b sh-${sign}port\n-A -t 10.0.0.2:80 -s rr\n`);
  expect([...servers.values()].map(({ address }) => address)).toEqual(['10.0.0.2']);
  const save = `create A hash:ip${sign}x family inet\ncreate B hash:ip family inet\nadd B 10.0.0.1${sign}\nadd B 10.0.0.2\n`;
  const sets = [...parseSets(save, () => true).values()];
  // White space at the end of a line is cut off.
  const entries = /\s/.test(sign) ? ['10.0.0.1', '10.0.0.2'] : ['10.0.0.2'];
  expect(sets.map((set) => [set.name, set.entries])).toEqual([['B', entries]]);
});

describe('addresses of the link', () => {
  it('are those of whole length; link-local ones and networks are others’', () => {
    const text = [
      '2: kube-ipvs0    inet 10.0.0.1/32 scope global kube-ipvs0\\       valid_lft forever preferred_lft forever',
      '2: kube-ipvs0    inet 10.0.0.2/24 scope global kube-ipvs0\\       valid_lft forever preferred_lft forever',
      '2: kube-ipvs0    inet6 fd00::1/128 scope global \\       valid_lft forever preferred_lft forever',
      '2: kube-ipvs0    inet6 fe80::1/128 scope link \\       valid_lft forever preferred_lft forever',
      '',
    ].join('\n');
    expect(parseBound(text)).toEqual(['10.0.0.1', 'fd00::1']);
    expect(addressLines(parseBound(text))).toEqual(['10.0.0.1/32', 'fd00::1/128']);
  });
});

describe('a document', () => {
  it.each(['add A 1.2.3.4\nflush', 'add A\t1', 'add A é', ''])('cannot say %j', (line) => {
    expect(() => document([line])).toThrow('must not say');
  });
});
