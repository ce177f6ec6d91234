import { describe, expect, it } from 'vitest';
import { judge, type Script } from './judge.ts';

type Examples = readonly (readonly [what: string, line: string])[];

const rule = (comment: string) =>
  `-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment "${comment}" -m tcp --dport 80 -j KUBE-SVC-XPGD46QRK7WJZT7O`;
const inTable = (line: string): string => `*nat\n:KUBE-SERVICES - [0:0]\n${line}\nCOMMIT\n`;

/** Lines that slicewright may write, and such as somebody would like it to write. */
const examples: Readonly<
  Record<Exclude<Script['tool'], 'conntrack'>, { readonly good: Examples; readonly bad: Examples }>
> = {
  'iptables-restore': {
    good: [
      ['a rule', rule('shop/web:http cluster IP')],
      [
        'a jump of the kernel’s chain',
        '-I PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
      ],
      ['a chain that goes', '-X KUBE-SVC-XPGD46QRK7WJZT7O'],
    ],
    bad: [
      ['a rule of its own', `${rule('a')}\n-I INPUT -s 6.6.6.6/32 -j ACCEPT`],
      ['another table', 'COMMIT\n*raw\n:KUBE-SERVICES - [0:0]'],
      ['a chain of somebody else', ':EVIL - [0:0]'],
      ['a target of somebody else', '-A KUBE-SERVICES -j EVIL'],
      ['a second target', rule('a" -j ACCEPT -m comment --comment "b')],
      ['an option', rule('a" --goto EVIL -m comment --comment "b')],
      ['a quote that stays open', rule('a"')],
      ['a quote that a backslash keeps open', rule('a\\')],
      ['a comment that is code', rule('$(reboot)')],
      ['a return at the end of a line', rule('a\r')],
      ['a kernel chain that gets a rule', '-A INPUT -j DROP'],
      ['somebody else’s chain that goes', '-X DOCKER'],
      ['an address that is none', '-A KUBE-SERVICES -d 10.96.0.1/32,6.6.6.6/32 -j KUBE-MARK-MASQ'],
      ['a policy', ':INPUT DROP [0:0]'],
    ],
  },
  ipvsadm: {
    good: [
      ['a virtual server', '-A -t 10.96.0.1:80 -s rr -p 10800'],
      ['a real server', '-a -u [fd96::1]:53 -r [fd01::1]:53 -m -w 1'],
      ['one that goes', '-d -t 10.96.0.1:80 -r 10.1.0.1:8080'],
    ],
    bad: [
      ['all virtual servers', '-C'],
      ['another weight', '-a -t 10.96.0.1:80 -r 10.1.0.1:80 -w 65535 -m -w 1'],
      ['another way', '-a -t 10.96.0.1:80 -r 10.1.0.1:80 -g -w 1'],
      ['an address with a zone', '-A -t [fe80::1%eth0]:80 -s rr'],
      ['an empty line', ''],
    ],
  },
  ipset: {
    good: [
      ['an entry', 'add KUBE-CLUSTER-IP 10.96.0.1,tcp:80'],
      ['a set', 'create KUBE-6-CLUSTER-IP hash:ip,port family inet6 maxelem 65536'],
    ],
    bad: [
      ['a set of somebody else', 'add cali40s:evil 6.6.6.6'],
      ['an option of an entry', 'add KUBE-CLUSTER-IP 10.96.0.1,tcp:80 nomatch'],
      ['two entries', 'add KUBE-CLUSTER-IP 10.96.0.1,tcp:80 6.6.6.6,tcp:80'],
      ['all sets', 'destroy'],
    ],
  },
  ip: {
    good: [['an address', 'address add 10.96.0.1/32 dev kube-ipvs0']],
    bad: [
      ['another link', 'address add 6.6.6.6/32 dev eth0'],
      ['another command', 'route add default via 6.6.6.6'],
    ],
  },
  sysctl: {
    good: [['a setting', 'net.ipv4.ip_forward=1']],
    bad: [['another setting', 'kernel.core_pattern=|/bin/sh']],
  },
  nft: {
    good: [
      ['a rule', 'add rule ip slicewright translate ip daddr . meta l4proto . th dport vmap @services'],
      [
        'elements',
        'create element ip slicewright services {\n10.96.0.1 . tcp . 80 comment "shop/web:http" : goto cluster/shop/web/tcp/http\n}',
      ],
    ],
    bad: [
      ['another table', 'add rule ip filter input accept'],
      ['all tables', 'flush ruleset'],
      ['a second command', 'add rule ip slicewright translate accept; flush ruleset'],
      ['a rule of its own', 'add rule ip slicewright translate dnat to 6.6.6.6:80 ; accept'],
      ['a chain of somebody else', 'add rule ip slicewright translate jump evil'],
      ['a second verdict', 'add rule ip slicewright translate accept goto cluster/shop/web/tcp/http'],
      ['a list that somebody closes', 'create element ip slicewright services {\n} ; flush ruleset ; {\n}'],
      [
        'a comment that ends early',
        'create element ip slicewright cluster-ips {\n10.96.0.1 comment "a" : accept "b"\n}',
      ],
      ['a quote that stays open', 'create element ip slicewright cluster-ips {\n10.96.0.1 comment "a\n}'],
      ['another file', 'include "/etc/evil"'],
      ['a note', 'add rule ip slicewright translate accept # evil'],
    ],
  },
};

describe.each(Object.entries(examples))('what %s is given', (tool, { good, bad }) => {
  const judged = (line: string): string[] =>
    judge({ tool: tool as Script['tool'], text: tool === 'iptables-restore' ? inTable(line) : `${line}\n` });

  it.each(good)('%s is in order', (_, line) => expect(judged(line)).toEqual([]));
  it.each(bad)('%s is not', (_, line) => expect(judged(line)).not.toEqual([]));
});

it('connections are forgotten by addresses and ports alone', () => {
  const judged = (destination: string) =>
    judge({ tool: 'conntrack', text: JSON.stringify([{ destination, port: 53, endpoint: { address: '10.1.0.1' } }]) });
  expect(judged('10.96.0.10')).toEqual([]);
  expect(judged('--any')).not.toEqual([]);
});
