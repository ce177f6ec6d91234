/** One fault in a dump: the original text, its replacement, and the place where clients notice it. */
export interface Fault {
  readonly what: string;
  readonly file: string;
  readonly find: RegExp;
  readonly put: string;
  /** The place that the report names. */
  readonly at: RegExp;
}

const rules = (what: string, find: RegExp, put: string, at: RegExp): Fault => ({
  what,
  file: 'iptables-save',
  find,
  put,
  at,
});
const cart = /10\.96\.0\.10:80\/tcp shop\/cart:http/;
const external = /198\.51\.100\.9:80\/tcp shop\/cart:http/;
const guarded = /198\.51\.100\.7:80\/tcp shop\/cart:http/;
const dns = /10\.96\.0\.11:53\/udp shop\/dns:dns/;
const idle = /10\.96\.0\.12:81\/tcp shop\/idle/;

const iptables: readonly Fault[] = [
  rules('an endpoint’s chain is empty', /-A KUBE-SEP-LONKVZUHGIWYIYUD .*\n.*\n/, '', cart),
  rules('an endpoint’s jump is missing', /-A KUBE-SVC-I5\S+ .*10\.1\.1\.5:8080.*\n/, '', cart),
  rules('two probabilities are swapped', /0\.33333333349(.*\n.*)0\.50000000000/, '0.50000000000$10.33333333349', cart),
  rules('a probability is missing', /-m statistic --mode random --probability 0\.33333333349 /, '', cart),
  rules('the mark for strangers is missing', /-A KUBE-SVC-I5\S+ ! -s .*\n/, '', cart),
  rules('the mark is another bit', /--set-xmark 0x4000\/0x4000/, '--set-xmark 0x2000/0x2000', cart),
  rules('nothing is masqueraded', /-A KUBE-POSTROUTING .*MASQUERADE.*\n/, '', cart),
  rules('everything is masqueraded', /-A KUBE-POSTROUTING -m mark ! .*\n/, '', /\/tcp \(no Service\)/),
  rules('an endpoint is stale', /to-destination 10\.1\.1\.6:8080/, 'to-destination 10.1.1.99:8080', cart),
  rules('an endpoint has another port', /to-destination 10\.1\.0\.5:8080/, 'to-destination 10.1.0.5:8081', cart),
  rules('an endpoint cannot call itself', /-A KUBE-SEP-LONKVZUHGIWYIYUD -s .*\n/, '', cart),
  rules('the cluster IP is another', /-d 10\.96\.0\.10\/32( .*KUBE-SVC-I5)/g, '-d 10.96.0.99/32$1', cart),
  rules('the Service port is another', /(KUBE-SERVICES -d 10\.96\.0\.10\/32 .*)--dport 80/, '$1--dport 88', cart),
  rules(
    'an address of no Service is taken',
    /(-A KUBE-SERVICES) -d 10\.96\.0\.11\/32/,
    '$1 -d 10.96.0.0/24 -p tcp -m tcp -j KUBE-SVC-I5LIAMPLWKMBJ54B\n$1 -d 10.96.0.11/32',
    /10\.96\.0\.\d+:\d+\/tcp \(no Service\)/,
  ),
  rules('a refusal is missing', /-A KUBE-SERVICES .*has no endpoints.*\n/, '', idle),
  rules('a refusal drops', /-j REJECT --reject-with icmp-port-unreachable/, '-j DROP', idle),
  rules('the firewall is missing', /-A KUBE-PROXY-FIREWALL .*\n/, '', guarded),
  rules('a source range is too wide', /-s 203\.0\.113\.0\/24/, '-s 203.0.0.0/16', guarded),
  rules('a source range is missing', /-A KUBE-FW-\S+ -s .*\n/, '', guarded),
  rules('the node port is another', /--dport 30080/, '--dport 30081', /:30080\/tcp shop\/cart:http/),
  rules(
    'policy Local sends on',
    /-A KUBE-SVL-\S+ .*\n/,
    '-A KUBE-SVL-I5LIAMPLWKMBJ54B -j KUBE-SEP-LONKVZUHGIWYIYUD\n',
    external,
  ),
  rules(
    'clients are not remembered',
    /-A KUBE-SVC-4X\S+ .*--rcheck.*10\.1\.0\.7.*\n|-A KUBE-SVC-4X\S+ .*10\.1\.0\.7.*--rcheck.*\n/,
    '',
    dns,
  ),
  rules('the health check port is shut', /-A KUBE-NODEPORTS .*30900.*\n/, '', /:30900\/tcp/),
  rules(
    'a hook is missing',
    /-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES\n/,
    '',
    cart,
  ),
  rules(
    'a rule drops one client',
    /(-A KUBE-SERVICES -d 10\.96\.0\.10\/32)/,
    '-A KUBE-SERVICES -s 10.7.7.7/32 -d 10.96.0.10/32 -j DROP\n$1',
    cart,
  ),
  rules(
    'one address is dropped at a port of no Service',
    /(-A KUBE-FORWARD )/,
    '-A KUBE-FORWARD -d 10.1.1.5/32 -p tcp -m tcp --dport 999 -j DROP\n$1',
    /10\.1\.1\.5:999\/tcp \(no Service\)/,
  ),
  rules(
    'one node port does not answer at one address of the node',
    /(-A KUBE-NODEPORTS .*--dport 30080)/,
    '-A KUBE-NODEPORTS -d 192.0.2.9/32 -p udp -m udp --dport 30053 -j RETURN\n$1',
    /192\.0\.2\.9:30053\/udp shop\/dns:dns/,
  ),
  rules(
    'one port of no Service is dropped at one address of the node',
    /(-A KUBE-FIREWALL )/,
    '-A KUBE-FIREWALL -d 192.0.2.9/32 -p tcp -m tcp --dport 31000 -j DROP\n$1',
    /192\.0\.2\.9:31000\/tcp \(no Service\)/,
  ),
  rules(
    'node ports answer at all addresses of the node but those of one network',
    /(-A KUBE-SERVICES) (.*-j KUBE-NODEPORTS)/,
    '$1 ! -d 192.0.2.8/29 $2',
    /192\.0\.2\.9:30080\/tcp shop\/cart:http/,
  ),
  rules(
    'one node port answers at a cluster IP too',
    /(-A KUBE-SERVICES .*-j KUBE-NODEPORTS)/,
    '-A KUBE-SERVICES -d 10.96.0.12/32 -p tcp -m tcp --dport 30080 -j KUBE-EXT-I5LIAMPLWKMBJ54B\n$1',
    /10\.96\.0\.12:30080\/tcp \(no Service\)/,
  ),
];

const file =
  (name: string) =>
  (what: string, find: RegExp, put: string, at: RegExp): Fault => ({ what, file: name, find, put, at });
const servers = file('ipvsadm-save');
const sets = file('ipset-save');
const bound = file('kube-ipvs0-addrs');
const chains = file('ipvs.iptables-save');

const ipvs: readonly Fault[] = [
  servers('a real server is missing', /-a -t 10\.96\.0\.10:80 -r 10\.1\.1\.5.*\n/, '', cart),
  servers('a real server is stale', /(-a -t 10\.96\.0\.10:80 -r) 10\.1\.1\.6:8080/, '$1 10.1.1.99:8080', cart),
  servers('a real server has another port', /(-a -t 10\.96\.0\.10:80 -r 10\.1\.1\.6:)8080/, '$18081', cart),
  servers('weight 0 is left behind', /(-a -t 10\.96\.0\.10:80 -r 10\.1\.1\.6:8080 -m -w) 1/, '$1 0', cart),
  servers(
    'another scheduler, by weight',
    /-A -t 10\.96\.0\.10:80 -s rr\n(-a .*) -w 1/,
    '-A -t 10.96.0.10:80 -s wrr\n$1 -w 3',
    cart,
  ),
  servers('a virtual server is missing', /-A -t 198\.51\.100\.9:80.*\n-a .*\n/, '', external),
  servers(
    'a virtual server of nobody is there',
    /(-A -t 10\.96\.0\.12:81 -s rr\n)/,
    '$1-A -t 10.96.0.10:99 -s rr\n-a -t 10.96.0.10:99 -r 10.1.0.5:8080 -m -w 1\n',
    /10\.96\.0\.10:99\/tcp \(no Service\)/,
  ),
  servers(
    'a refusal has an endpoint',
    /(-A -t 10\.96\.0\.12:81 -s rr\n)/,
    '$1-a -t 10.96.0.12:81 -r 10.1.0.5:8080 -m -w 1\n',
    idle,
  ),
  servers('policy Local sends on', /(-a -t 198\.51\.100\.9:80 -r) 10\.1\.0\.5/, '$1 10.1.1.5', external),
  servers('clients are not remembered', /(-A -u 10\.96\.0\.11:53 -s rr) -p 100/, '$1', dns),
  servers(
    'the node port is another',
    /192\.0\.2\.1:30080/g,
    '192.0.2.1:30081',
    /192\.0\.2\.1:30080\/tcp shop\/cart:http/,
  ),
  bound('an address is not bound', /10\.96\.0\.10\/32\n/, '', cart),
  bound('an address of nobody is bound', /$/, '10.96.0.77/32\n', /10\.96\.0\.77/),
  sets('a frontend is missing from its set', /add KUBE-CLUSTER-IP 10\.96\.0\.10,tcp:80\n/, '', cart),
  sets(
    'a frontend is in the wrong set',
    /KUBE-EXTERNAL-IP-LOCAL 198\.51\.100\.9/,
    'KUBE-EXTERNAL-IP 198.51.100.9',
    external,
  ),
  sets('a source range is too wide', /203\.0\.113\.0\/24/, '203.0.0.0/16', guarded),
  sets('a source range is missing', /add KUBE-LOAD-BALANCER-SOURCE-CIDR .*\n/, '', guarded),
  sets('the firewall does not know a frontend', /add KUBE-LOAD-BALANCER-FW .*\n/, '', guarded),
  sets('an endpoint cannot call itself', /add KUBE-LOOP-BACK 10\.1\.1\.5.*\n/, '', cart),
  sets('the health check port is shut', /add KUBE-HEALTH-CHECK-NODE-PORT 30900\n/, '', /:30900\/tcp/),
  sets('a node port is not masqueraded', /add KUBE-NODE-PORT-UDP 30053\n/, '', /:30053\/udp shop\/dns:dns/),
  chains('nothing is masqueraded', /-A KUBE-POSTROUTING .*random-fully\n/, '', cart),
  chains('the mark is another bit', /--set-xmark 0x4000\/0x4000/, '--set-xmark 0x2000/0x2000', cart),
  chains(
    'a rule drops one client',
    /(-A KUBE-IPVS-FILTER -m set --match-set KUBE-LOAD)/,
    '-A KUBE-IPVS-FILTER -s 10.7.7.7/32 -d 10.96.0.10/32 -j DROP\n$1',
    cart,
  ),
  servers(
    'one node port is missing at one address of the node',
    /-A -t 192\.0\.2\.9:30080 .*\n(-a -t 192\.0\.2\.9:30080 .*\n)*/,
    '',
    /192\.0\.2\.9:30080\/tcp shop\/cart:http/,
  ),
  chains(
    'one node port is dropped at one of many bound addresses',
    /(-A KUBE-IPVS-FILTER -m set --match-set KUBE-LOAD)/,
    '-A KUBE-IPVS-FILTER -d 10.96.0.11/32 -p tcp -m tcp --dport 30080 -j DROP\n$1',
    /10\.96\.0\.11:30080\/tcp \(no Service\)/,
  ),
  chains(
    'one node port is dropped for what the node sends to some of its bound addresses',
    /(-A KUBE-IPVS-FILTER -m set --match-set KUBE-LOAD)/,
    '-A KUBE-IPVS-FILTER -s 10.96.0.12/32 -p tcp -m tcp --dport 30080 -j DROP\n$1',
    /10\.96\.0\.12:30080\/tcp \(no Service\)/,
  ),
  chains(
    'one port of no Service is dropped at one address of the node',
    /(-A KUBE-IPVS-FILTER -m set --match-set KUBE-LOAD)/,
    '-A KUBE-IPVS-FILTER -d 192.0.2.9/32 -p tcp -m tcp --dport 31000 -j DROP\n$1',
    /192\.0\.2\.9:31000\/tcp \(no Service\)/,
  ),
];

const nft = file('nft');

const nftables: readonly Fault[] = [
  nft(
    'an endpoint is missing',
    /10\.96\.0\.10 \. 80 \. 2 : 10\.1\.1\.6 \. 8080/,
    '10.96.0.10 . 80 . 9 : 10.1.1.6 . 8080',
    cart,
  ),
  nft('an endpoint is stale', /(10\.96\.0\.10 \. 80 \. 1 :) 10\.1\.1\.5/, '$1 10.1.1.99', cart),
  nft('an endpoint has another port', /(10\.96\.0\.10 \. 80 \. 1 : 10\.1\.1\.5 \.) 8080/, '$1 8081', cart),
  nft('shares are uneven', /(10\.96\.0\.10 \. 80 \. 1 :) 10\.1\.1\.5/, '$1 10.1.1.6', cart),
  nft('the modulus is another', /(chain spread-masquerade-strangers[^}]*mod) 3/, '$1 4', cart),
  nft('the mark for strangers is missing', /(chain spread-masquerade-strangers\/tcp\/3 \{\n).*\n/, '$1', cart),
  nft(
    'the mark is another bit',
    /(chain spread-masquerade-strangers\/tcp\/3 \{\n.*\|) 0x00004000/,
    '$1 0x00002000',
    cart,
  ),
  nft('nothing is masqueraded', /\t\tmeta mark & .*masquerade fully-random\n/, '', cart),
  nft('an endpoint cannot call itself', /10\.1\.1\.5 \. 10\.1\.1\.5 \. tcp \. 8080,\s*/, '', cart),
  nft('the cluster IP is another', /10\.96\.0\.10 \. tcp \. 80/, '10.96.0.99 . tcp . 80', cart),
  nft('the Service port is another', /10\.96\.0\.10 \. tcp \. 80/, '10.96.0.10 . tcp . 88', cart),
  nft(
    'an address of no Service is taken',
    /(elements = \{) 10\.96\.0\.11 \. udp/,
    '$1 10.96.0.88 . tcp . 80 : goto spread-masquerade-strangers/tcp/3,\n\t\t\t     10.96.0.11 . udp',
    /10\.96\.0\.88:80\/tcp \(no Service\)/,
  ),
  // A second rule rejects every port of a cluster IP that no Service has, so clients would not notice if only the
  // first one were gone.
  nft(
    'nothing is refused',
    /(\t\telements = \{ 10\.96\.0\.12 \. tcp[^\n]*\n)([\s\S]*)\t\tip daddr @cluster-ips reject\n/,
    '$2',
    idle,
  ),
  nft('a refusal drops', /(chain refuse \{\n\t\t)reject/, '$1drop', idle),
  nft('the firewall is missing', /\t\telements = \{ 198\.51\.100\.7 \. tcp \. 80 \}\n/, '', guarded),
  nft('a source range is too wide', /203\.0\.113\.0\/24/, '203.0.0.0/16', guarded),
  nft('the source range’s rule is missing', /\t\tip saddr 203\.0\.113\.0\/24 .*\n/, '', guarded),
  nft('the node port is another', /tcp \. 30080 comment/, 'tcp . 30081 comment', /:30080\/tcp shop\/cart:http/),
  nft('policy Local sends on', /(198\.51\.100\.9 \. 80 \. 0 :) 10\.1\.0\.5/, '$1 10.1.1.5', external),
  nft('clients are not remembered', /\t\tip saddr @affinity\/shop\/dns\/udp\/dns\/10\.1\.0\.7.*\n/, '', dns),
  nft('the health check port is shut', /\t\telements = \{ 30900 \}\n/, '', /:30900\/tcp/),
  nft('what the node sends is not translated', /(chain output \{\n.*\n)\t\tjump translate\n/, '$1', cart),
  nft(
    'a rule drops one client',
    /(chain check-passing \{\n)/,
    '$1\t\tip saddr 10.7.7.7 drop\n',
    /10\.\d+\.\d+\.\d+:\d+/,
  ),
  nft(
    'one endpoint’s address is dropped at every port',
    /(chain check-passing \{\n)/,
    '$1\t\tip daddr 10.1.1.6 drop\n',
    /10\.1\.1\.6:65391\/tcp \(no Service\)/,
  ),
  nft(
    'one node port is dropped at one address of the node',
    /(chain translate \{\n)/,
    '$1\t\tip daddr 192.0.2.9 tcp dport 30080 drop\n',
    /192\.0\.2\.9:30080\/tcp shop\/cart:http/,
  ),
  nft(
    'one port of no Service is dropped at one address of the node',
    /(chain check-arriving \{\n)/,
    '$1\t\tip daddr 192.0.2.9 tcp dport 31000 drop\n',
    /192\.0\.2\.9:31000\/tcp \(no Service\)/,
  ),
  nft(
    'node ports answer at all addresses of the node but those of one network',
    /ip daddr != 127\.0\.0\.0\/8 fib daddr type local/,
    'ip daddr != 127.0.0.0/8 ip daddr != 192.0.2.8/29 fib daddr type local',
    /192\.0\.2\.9:30080\/tcp shop\/cart:http/,
  ),
  nft(
    'one node port answers at a cluster IP too',
    /(elements = \{) 10\.96\.0\.11 \. udp/,
    '$1 10.96.0.12 . tcp . 30080 : goto external-node-port/shop/cart/tcp/http,\n\t\t\t     10.96.0.11 . udp',
    /10\.96\.0\.12:30080\/tcp \(no Service\)/,
  ),
];

export const faults: Readonly<Record<string, readonly Fault[]>> = { iptables, ipvs, nftables };

/**
 * For each backend, a rule of another program that packets meet before slicewright's, with the words that report it.
 */
export const ahead: Readonly<Record<string, Omit<Fault, 'what' | 'at'> & { readonly told: string }>> = {
  iptables: {
    file: 'iptables-save',
    find: /(-A PREROUTING )/,
    put: '-A PREROUTING -d 10.96.0.10/32 -j DNAT --to-destination 192.0.2.77\n$1',
    told: 'nat PREROUTING: -A PREROUTING -d 10.96.0.10/32 -j DNAT --to-destination 192.0.2.77',
  },
  ipvs: {
    file: 'ipvs.iptables-save',
    find: /(-A PREROUTING )/,
    put: '-A PREROUTING -d 10.96.0.10/32 -j DNAT --to-destination 192.0.2.77\n$1',
    told: 'nat PREROUTING: -A PREROUTING -d 10.96.0.10/32 -j DNAT --to-destination 192.0.2.77',
  },
  nftables: {
    file: 'nft',
    find: /^/,
    put: 'table ip theirs {\n\tchain first {\n\t\ttype filter hook prerouting priority raw; policy accept;\n\t\tip daddr 10.96.0.10 drop\n\t}\n}\n',
    told: 'table ip theirs, chain first: ip daddr 10.96.0.10 drop',
  },
};
