import { describe, expect, it } from 'vitest';
import { auditCase, findingsIn, recordOf, servicesThatAre } from './dumps.ts';

/** Rules that nobody can read, in each mode: where one is put, the text of it, and whose packets could meet it. */
const unread: Readonly<
  Record<
    string,
    readonly {
      readonly what: string;
      readonly file: string;
      readonly find: RegExp;
      readonly put: string;
      readonly line: RegExp;
      readonly services: readonly string[];
    }[]
  >
> = {
  iptables: [
    {
      what: 'of one Service',
      file: 'iptables-save',
      find: /(-A KUBE-SERVICES -d 10\.13\.100\.2\/32)/,
      put: '-A KUBE-SERVICES -d 10.13.100.4/32 -p tcp -m string --algo bm --string "x" -j DROP\n$1',
      line: /-m string/,
      services: ['shop/cache'],
    },
    {
      what: 'with a target of another program',
      file: 'iptables-save',
      find: /(-A KUBE-SVC-NT4S\S+ -m comment)/,
      put: '-A KUBE-SVC-NT4S3MKQS7ZEZNJA -j TEE --gateway 192.0.2.9\n$1',
      line: /-j TEE/,
      services: ['default/api'],
    },
    {
      what: 'of another program, ahead',
      file: 'iptables-save',
      find: /(-A PREROUTING .* -j KUBE-SERVICES\n)/,
      put: '-A PREROUTING -d 10.13.100.6/32 -p tcp -j REDIRECT --to-ports 9\n$1',
      line: /-j REDIRECT/,
      services: ['shop/empty'],
    },
    {
      what: 'that every packet meets',
      file: 'iptables-save',
      find: /(-A KUBE-SERVICES -d 10\.13\.100\.2\/32)/,
      put: '-A KUBE-SERVICES -m string --algo bm --string "x" -j DROP\n$1',
      line: /-m string/,
      services: ['default/api', 'kube-system/kube-dns', 'shop/cache', 'shop/empty', 'shop/old', 'shop/shop'],
    },
  ],
  ipvs: [
    {
      what: 'of a scheduler that nobody knows',
      file: 'ipvsadm-save',
      find: /-A -t 10\.13\.100\.1:443 -s rr/,
      put: '-A -t 10.13.100.1:443 -s twos',
      line: /-s twos/,
      services: ['default/api'],
    },
    {
      what: 'of a set that nobody knows',
      file: 'ipvs.iptables-save',
      find: /(-A KUBE-IPVS-FILTER -m set --match-set KUBE-LOAD)/,
      put: '-A KUBE-IPVS-FILTER -d 10.13.100.4/32 -m set --match-set somebody src -j DROP\n$1',
      line: /--match-set somebody/,
      services: ['shop/cache'],
    },
  ],
  nftables: [
    {
      what: 'of one Service',
      file: 'nft',
      find: /(chain services \{\n)/,
      put: '$1\t\tip daddr 10.13.100.4 meta time "12:00"-"13:00" drop\n',
      line: /meta time/,
      services: ['shop/cache'],
    },
    {
      what: 'with a statement of another program',
      file: 'nft',
      find: /(chain service-6BI3YCZC\S+ \{\n)/,
      put: '$1\t\tdup to 192.0.2.9\n',
      line: /dup to/,
      services: ['default/api'],
    },
    {
      what: 'that is an element of another kind',
      file: 'nft',
      find: /elements = \{ tcp \. 30090 : goto \S+,/,
      put: 'elements = { tcp . 30000-30095 : drop,',
      line: /30000-30095/,
      services: ['shop/shop'],
    },
  ],
};

describe.each(Object.keys(unread))('a rule that cannot be read, in %s mode', (mode) => {
  it.each(unread[mode] ?? [])('$what is named, and those are unknown who could meet it', async (one) => {
    const right = recordOf(mode, '059-mix');
    const text = right.get(one.file) ?? '';
    expect(text).toMatch(one.find);
    const files = new Map([...right, [one.file, text.replace(one.find, one.put)]]);
    const { status, families } = await auditCase(mode, '059-mix', { files });
    expect([status, servicesThatAre('unknown', families), servicesThatAre('wrong', families)]).toEqual([
      1,
      one.services,
      [],
    ]);
    const named = families.flatMap(findingsIn).flatMap(({ notUnderstood }) => notUnderstood);
    expect(named.length).toBeGreaterThan(0);
    for (const line of named) expect(line).toMatch(one.line);
  });
});

it('what another program drops where no Service is dialled is its own business', async () => {
  const right = recordOf('iptables', '059-mix');
  const text = (right.get('iptables-save') ?? '').replace(
    /(-A INPUT -j KUBE-FIREWALL\n)/,
    '-A INPUT -p tcp -m tcp --dport 22 -j DROP\n-A INPUT -s 10.66.0.0/16 -j ACCEPT\n$1',
  );
  const { status, families } = await auditCase('iptables', '059-mix', { files: new Map([['iptables-save', text]]) });
  expect([status, families.flatMap(findingsIn)]).toEqual([0, []]);
  expect(families.flatMap(({ mayIntercept }) => mayIntercept)).toHaveLength(2);
});
