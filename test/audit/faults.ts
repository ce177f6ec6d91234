/**
 * One fault in the rules that a kube-proxy left in a case: the original text, its replacement, and the Services that
 * suffer.
 */
export interface Fault {
  readonly what: string;
  /** By default 059-mix. */
  readonly name?: string;
  readonly file: string;
  readonly find: RegExp;
  readonly put: string;
  /** The Services that are wrong, and no others. */
  readonly services: readonly string[];
}

const inFile =
  (file: string) =>
  (what: string, find: RegExp, put: string, ...services: readonly string[]): Fault => ({
    what,
    file,
    find,
    put,
    services,
  });

const dns = 'kube-system/kube-dns';
const shop = 'shop/shop';
const cache = 'shop/cache';
const old = 'shop/old';
const empty = 'shop/empty';
const api = 'default/api';

const rules = inFile('iptables-save');

const iptables: readonly Fault[] = [
  rules('an endpoint’s chain is empty', /-A KUBE-SEP-KXLMYVTH5TX2RU64 .*\n.*\n/, '', dns),
  rules('a chain is removed', /:KUBE-SVC-NT4S3MKQS7ZEZNJA .*\n|-A KUBE-SVC-NT4S3MKQS7ZEZNJA .*\n/g, '', api),
  rules(
    'a probability is wrong',
    /--probability 0\.25000000000( -j KUBE-SEP-2LV)/,
    '--probability 0.30000000000$1',
    shop,
  ),
  rules('an endpoint is stale', /10\.12\.2\.80:80$/m, '10.12.2.99:80', old),
  rules('a refusal is missing', /-A KUBE-SERVICES -d 10\.13\.100\.6\/32 .*\n/, '', empty),
  rules('the mark for masquerading is missing', /-A KUBE-SVL-ECOJ\S+ ! -s .*\n/, '', cache),
  rules(
    'another program translates ahead',
    /(-A PREROUTING .* -j KUBE-SERVICES\n)/,
    '-A PREROUTING -d 10.13.100.4/32 -p tcp -m tcp --dport 6379 -j DNAT --to-destination 192.0.2.99:6379\n$1',
    cache,
  ),
  rules(
    'another program drops ahead',
    /(-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall")/,
    '-A FORWARD -d 10.12.2.80/32 -j DROP\n$1',
    old,
  ),
  rules('an endpoint cannot call itself', /-A KUBE-SEP-BAKQ\S+ -s .*\n/, '', cache),
  rules('the firewall is missing', /-A KUBE-PROXY-FIREWALL .*:http .*\n/, '', shop),
  rules('a source range is another', /-s 198\.51\.100\.0\/24( .*:https )/, '-s 198.51.0.0/16$1', shop),
  rules('policy Local sends on', /-A KUBE-EXTERNAL-SERVICES -d 198.*\n/, '', old),
  rules('the node port is another', /--dport 30090/, '--dport 30099', shop),
  {
    ...rules('clients are not remembered', /-A KUBE-SVC-LOLE\S+ .*--rcheck.*\n/, '', 'default/web'),
    name: '026-affinity',
  },
];

const servers = inFile('ipvsadm-save');
const sets = inFile('ipset-save');
const chains = inFile('ipvs.iptables-save');

const ipvs: readonly Fault[] = [
  servers('a virtual server is removed', /-A -t 10\.13\.100\.1:443.*\n-a .*\n/, '', api),
  servers('a real server is missing', /-a -t 10\.13\.100\.2:53 -r 10\.12\.1\.53.*\n/, '', dns),
  servers('an endpoint is stale', /(-a -t 10\.13\.100\.4:6379 -r) 10\.12\.1\.70/, '$1 10.12.1.99', cache),
  servers('weight 0 is left behind', /(-r 10\.12\.2\.53:53 -m -w) 1/, '$1 0', dns),
  servers(
    'a weight is wrong',
    /-A -t 10\.13\.100\.3:80 -s rr\n(-a .*) -w 1/,
    '-A -t 10.13.100.3:80 -s wrr\n$1 -w 3',
    shop,
  ),
  servers(
    'a refusal has an endpoint',
    /(-A -t 10\.13\.100\.6:1 -s rr\n)/,
    '$1-a -t 10.13.100.6:1 -r 10.12.1.60:8080 -m -w 1\n',
    empty,
  ),
  { ...servers('clients are not remembered', / -p \d+/, '', 'default/web'), name: '026-affinity' },
  sets('an entry is missing', /add KUBE-CLUSTER-IP 10\.13\.100\.5,tcp:8000\n/, '', old),
  sets('an entry is in the wrong set', /KUBE-NODE-PORT-LOCAL-TCP 30092/, 'KUBE-NODE-PORT-LOCAL-UDP 30092', old),
  sets('an endpoint cannot call itself', /add KUBE-LOOP-BACK 10\.12\.1\.70.*\n/, '', cache),
  sets('a source range is another', /tcp:80,198\.51\.100\.0\/24/, 'tcp:80,198.51.0.0/16', shop),
  chains(
    'another program translates ahead',
    /(-A PREROUTING .* -j KUBE-SERVICES\n)/,
    '-A PREROUTING -d 10.13.100.4/32 -p tcp -m tcp --dport 6379 -j DNAT --to-destination 192.0.2.99:6379\n$1',
    cache,
  ),
  chains('the mark for masquerading is missing', /-A KUBE-LOAD-BALANCER -j KUBE-MARK-MASQ\n/, '', shop),
  chains(
    'a rule refuses one Service',
    /(-A KUBE-IPVS-FILTER -m set --match-set KUBE-LOAD)/,
    '-A KUBE-IPVS-FILTER -d 10.13.100.1/32 -j REJECT --reject-with icmp-port-unreachable\n$1',
    api,
  ),
];

const nft = inFile('nft');

const nftables: readonly Fault[] = [
  nft('a chain is removed', /\tchain service-6BI3YCZC\S+ \{\n.*\n\t\}\n/, '', api),
  nft(
    'shares are wrong',
    /mod 4 map \{ 0 : 10\.10\.3\.60 \. 8080, 1 : 10\.10\.3\.61 \. 8080/,
    'mod 4 map { 0-1 : 10.10.3.60 . 8080',
    shop,
  ),
  nft('an endpoint is stale', /10\.12\.2\.80 \. 80/, '10.12.2.99 . 80', old),
  nft(
    'an endpoint is missing',
    /mod 2 map \{ 0 : 10\.12\.1\.53 \. 9153, 1 : 10\.12\.2\.53 \. 9153/,
    'mod 1 map { 0 : 10.12.1.53 . 9153',
    dns,
  ),
  nft('a refusal is another', /goto reject-chain/, 'drop', empty),
  nft('the mark for masquerading is missing', /(external-65XLO5OJ\S+ \{\n).*\n/, '$1', shop),
  nft('a client is not masqueraded', /10\.12\.1\.70 \. 10\.12\.1\.70 \. tcp \. 6379,\s*/, '', cache),
  nft('an element is at another address', /10\.13\.100\.4 \. tcp \. 6379/, '10.13.100.99 . tcp . 6379', cache),
  nft('the firewall is missing', /(elements = \{) 203\.0\.113\.40 \. tcp \. 80 : goto firewall\S+,\s*/, '$1 ', shop),
  nft('a source range is another', /ip saddr != 198\.51\.100\.0\/24 drop/, 'ip saddr != 198.51.0.0/16 drop', shop),
  nft('policy Local sends on', /,\s*198\.51\.100\.77 \. tcp \. 8000 comment "shop\/old" : drop/, '', old),
  { ...nft('clients are not remembered', /\t\tip saddr @affinity-.*\n/, '', 'default/web'), name: '026-affinity' },
  nft(
    'another program translates ahead',
    /^/,
    [
      'table ip other {',
      '\tchain early {',
      '\t\ttype nat hook prerouting priority dstnat - 5; policy accept;',
      '\t\tip daddr 10.13.100.4 tcp dport 6379 dnat to 192.0.2.99:6379',
      '\t}',
      '}',
      '',
    ].join('\n'),
    cache,
  ),
  nft(
    'another program drops ahead, for both families',
    /^/,
    [
      'table inet other {',
      '\tchain early {',
      '\t\ttype filter hook forward priority filter - 5; policy accept;',
      '\t\tip daddr 10.12.2.80 drop',
      '\t}',
      '}',
      '',
    ].join('\n'),
    old,
  ),
];

export const faults: Readonly<Record<string, readonly Fault[]>> = { iptables, ipvs, nftables };
