import { describe, expect, it } from 'vitest';
import { assemble } from '../assemble.ts';
import { countEndpoints } from '../iptables/frontends.ts';
import { iptables } from '../iptables/index.ts';
import { kubePrefix } from '../../compiler/settings.ts';
import { isOurChain } from '../iptables/names.ts';
import { diffRulesets } from '../netfilter/diff/diff.ts';
import { ownersIn } from '../netfilter/owners.ts';
import { parseSave } from '../netfilter/text/parse.ts';
import type { Ruleset } from '../netfilter/rule.ts';
import { rulesetSide } from '../iptables/side.ts';
import type { Compilation } from '../../compiler/compile.ts';
import { type Cidr, parseCidr } from '../../compiler/values/address.ts';
import { compileObjects } from '../../test/helpers/compile.ts';
import { dispatched, node, service, slice } from '../../test/helpers/kubernetes.ts';
import { partsText } from '../../agent/planning/parts-text.ts';
import { diffChains } from '../netfilter/diff/chain-differences.ts';
import { hookDangers } from '../netfilter/diff/dangers.ts';
import { clustersOf } from '../../agent/planning/clusters.ts';
import { trafficDangers } from './dangers.ts';
import { describeChanges } from '../../agent/planning/sentences.ts';
import { type Side } from './side.ts';
import { compareTraffic } from './traffic.ts';

const home = node('n1', { addresses: ['192.0.2.1'] });

function compiled(...objects: unknown[]): { compilation: Compilation; ruleset: Ruleset } {
  const compilation = compileObjects([home, ...objects]);
  return { compilation, ruleset: assemble(iptables, compilation.services.IPv4, compilation.node.IPv4).program };
}

const sideOf = (ruleset: Ruleset, { node: nodes }: Compilation): Side => rulesetSide(ruleset, nodes.IPv4);

/** From the first to the second: sentences and dangers. The first is read back from its text, as from a kernel. */
function report(before: readonly unknown[], after: readonly unknown[], podCidrs: readonly Cidr[] = []) {
  return reportFrom(iptables.print(compiled(...before).ruleset), after, podCidrs);
}

function reportFrom(text: string, after: readonly unknown[], podCidrs: readonly Cidr[] = []) {
  const wanted = compiled(...after);
  const save = parseSave(text, 'IPv4', (_, chain) => isOurChain(chain));
  const { node: nodes } = wanted.compilation;
  const changes = compareTraffic(
    sideOf(save.ruleset, wanted.compilation),
    sideOf(wanted.ruleset, wanted.compilation),
    nodes.IPv4,
  );
  return {
    sentences: describeChanges(changes, clustersOf(wanted.compilation, podCidrs)).map(
      ({ sign, service: name, text }) => `${sign} ${name}: ${text}`,
    ),
    dangers: [
      ...trafficDangers(changes, () => countEndpoints(save.ruleset, kubePrefix)),
      ...hookDangers(save.ruleset, wanted.ruleset, save.foreign),
    ].map(({ message }) => message),
  };
}

const cart = service('cart');
const local = (...addresses: string[]) => slice('cart', 'cart-a', addresses);

describe('what changes for traffic', () => {
  it('is nothing between a program and itself', () => {
    expect(report([cart, local('10.1.0.1')], [cart, local('10.1.0.1')])).toEqual({ sentences: [], dangers: [] });
  });

  it('is one line for a Service that comes, one for a Service that goes', () => {
    const { sentences } = report(
      [cart, local('10.1.0.1')],
      [
        service('shop', {
          type: 'NodePort',
          clusterIP: '10.96.0.2',
          ports: [{ name: 'http', port: 80, nodePort: 30080 }],
        }),
        slice('shop', 'shop-a', ['10.1.0.2'], { ports: [{ name: 'http', port: 8080, protocol: 'TCP' }] }),
      ],
    );
    expect(sentences).toEqual([
      '- default/cart: cluster IP 10.96.0.1:80/TCP: no longer served (1 endpoint: gone endpoints 100 % before)',
      '+ default/shop: http cluster IP 10.96.0.2:80/TCP, node port 30080/TCP: new, 1 endpoint: local 100 %',
    ]);
  });

  it("shows each cluster's share before and after, exactly", () => {
    const east = dispatched('cart', 'east', ['10.2.0.1']);
    const { sentences, dangers } = report([cart, local('10.1.0.1'), east], [cart, local('10.1.0.1', '10.1.0.2'), east]);
    expect(sentences).toEqual([
      '~ default/cart: cluster IP 10.96.0.1:80/TCP: 2 → 3 endpoints (+10.1.0.2:8080), east 50 % → 33.3333 %, local 50 % → 66.6667 %',
    ]);
    expect(dangers).toEqual([]);
  });

  it('names endpoints that are replaced', () => {
    expect(
      report(
        [cart, local('10.1.0.1')],
        [cart, slice('cart', 'cart-a', ['10.1.0.1'], { ports: [{ name: '', port: 9090, protocol: 'TCP' }] })],
      ).sentences,
    ).toEqual([
      '~ default/cart: cluster IP 10.96.0.1:80/TCP: 1 endpoint (+10.1.0.1:9090, -10.1.0.1:8080), gone endpoints 100 % → 0 %, local 0 % → 100 %',
    ]);
  });

  it('knows an endpoint that is gone for one of our own by the pod network', () => {
    const pods = [parseCidr('10.1.0.0/16')].filter((cidr) => cidr !== undefined);
    expect(
      report([cart, local('10.1.0.1', '10.1.0.2')], [cart, local('10.1.0.1', '10.1.0.3')], pods).sentences,
    ).toEqual([
      '~ default/cart: cluster IP 10.96.0.1:80/TCP: 2 endpoints (+10.1.0.3:8080, -10.1.0.2:8080), shares of the clusters as before',
    ]);
  });

  it('says where only rules change', () => {
    const named = (name: string) => [
      service('cart', { ports: [{ name, port: 80 }] }),
      slice('cart', 'cart-a', ['10.1.0.1'], { ports: [{ name, port: 8080, protocol: 'TCP' }] }),
    ];
    expect(report(named('http'), named('web'))).toEqual({
      sentences: [
        '= default/cart: web cluster IP 10.96.0.1:80/TCP: other rules, the same endpoints and shares; the port is called web now, http before',
      ],
      dangers: [],
    });
  });

  it('tells session affinity: on, off, and for how long', () => {
    const sticky = (timeoutSeconds: number) =>
      service('cart', { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds } } });
    const between = (before: unknown, after: unknown) =>
      report([before, local('10.1.0.1', '10.1.0.2')], [after, local('10.1.0.1', '10.1.0.2')]).sentences;
    const line = '~ default/cart: cluster IP 10.96.0.1:80/TCP: session affinity';
    expect(between(cart, sticky(60))).toEqual([`${line} on (60 s)`]);
    expect(between(sticky(60), sticky(90))).toEqual([`${line} 60 s → 90 s`]);
    expect(between(sticky(60), cart)).toEqual([`${line} off`]);
  });

  it('shows frontends that meet another fate apart', () => {
    const both = (policy: string) =>
      service('cart', { type: 'NodePort', externalTrafficPolicy: policy, ports: [{ port: 80, nodePort: 30080 }] });
    expect(report([both('Cluster'), local('10.1.0.1')], [both('Local'), local('10.1.0.1')]).sentences).toEqual([
      '~ default/cart: node port 30080/TCP: outside clients: 1 endpoint: local 100 % → dropped: no local endpoints',
    ]);
  });

  it('is asked from an allowed network where a load balancer has source ranges', () => {
    const balanced = service(
      'cart',
      { type: 'LoadBalancer', loadBalancerSourceRanges: ['203.0.113.0/24'], allocateLoadBalancerNodePorts: false },
      { status: { loadBalancer: { ingress: [{ ip: '198.51.100.9' }] } } },
    );
    expect(report([cart, local('10.1.0.1')], [balanced, local('10.1.0.1')]).sentences).toEqual([
      expect.stringContaining('loadbalancer IP 198.51.100.9:80/TCP: new, 1 endpoint: local 100 %'),
    ]);
  });
});

/** A load balancer with these source ranges, of these endpoints. */
const balanced = (...ranges: string[]) => [
  service(
    'cart',
    { type: 'LoadBalancer', loadBalancerSourceRanges: ranges, allocateLoadBalancerNodePorts: false },
    { status: { loadBalancer: { ingress: [{ ip: '198.51.100.9' }] } } },
  ),
  local('10.1.0.1'),
];

describe('source ranges', () => {
  const between = (before: readonly string[], after: readonly string[]) => {
    const { sentences, dangers } = report(balanced(...before), balanced(...after));
    return [...sentences.map((text) => text.replace(/^(.) .*\/TCP: /, '$1 ')), ...dangers.map((text) => `! ${text}`)];
  };
  const where = '(loadbalancer IP 198.51.100.9:80/TCP)';

  it.each<[string, string[], string[], string[]]>([
    [
      'that are removed',
      ['203.0.113.0/24'],
      [],
      [
        '~ reachable from everywhere, previously only from 203.0.113.0/24',
        `! default/cart: now open to everyone, previously only to 203.0.113.0/24 ${where}`,
      ],
    ],
    [
      'that let in half of all addresses',
      ['203.0.113.0/24'],
      ['128.0.0.0/1'],
      [
        '~ also reachable from 128.0.0.0/1',
        `! default/cart: now open to everyone, previously only to 203.0.113.0/24 ${where}`,
      ],
    ],
    [
      'that let in everyone in two halves',
      ['203.0.113.0/24'],
      ['0.0.0.0/1', '128.0.0.0/1'],
      [
        '~ also reachable from 0.0.0.0/1, 128.0.0.0/1',
        `! default/cart: now open to everyone, previously only to 203.0.113.0/24 ${where}`,
      ],
    ],
    [
      'that are added',
      [],
      ['203.0.113.0/24', '10.0.0.0/8', '172.16.0.0/12'],
      [
        '~ reachable only from 203.0.113.0/24, 10.0.0.0/8, 172.16.0.0/12, previously from everywhere',
        `! default/cart: reachable only from 203.0.113.0/24 and 2 more ranges, previously from everywhere ${where}`,
      ],
    ],
    [
      'that are exchanged',
      ['203.0.113.0/24'],
      ['192.0.2.0/24'],
      [
        '~ also reachable from 192.0.2.0/24; no longer reachable from 203.0.113.0/24',
        `! default/cart: no longer reachable from 203.0.113.0/24 ${where}`,
      ],
    ],
    [
      'that say the same in other words',
      ['10.0.0.0/8'],
      ['10.0.0.0/8', '10.1.0.0/16'],
      ['= other rules, the same endpoints and shares'],
    ],
  ])('%s', (_, before, after, told) => {
    expect(between(before, after)).toEqual(told);
  });

  it('that somebody wrote a rule among are asked of each network by itself', () => {
    const text = iptables
      .print(compiled(...balanced('203.0.113.0/24')).ruleset)
      .replace(/^(-A KUBE-FW-\w+) -s /m, '$1 -s 203.0.113.128/25 -j DROP\n$&');
    expect(reportFrom(text, balanced('203.0.113.0/24')).sentences).toEqual([
      '~ default/cart: loadbalancer IP 198.51.100.9:80/TCP: clients like 203.0.113.129: dropped → 1 endpoint: local 100 %',
    ]);
  });
});

describe('dangers', () => {
  it('names a Service that loses its last endpoint, and not one that is deleted', () => {
    const { dangers, sentences } = report([cart, local('10.1.0.1', '10.1.0.2')], [cart]);
    expect(dangers).toEqual(['default/cart loses its last endpoint: it had 2, and its clients will be rejected']);
    expect(sentences[0]).toContain('→ rejected: no endpoints');
    expect(report([cart, local('10.1.0.1')], []).dangers).toEqual([]);
  });

  const many = (count: number) => local(...Array.from({ length: count }, (_, i) => `10.1.0.${i + 1}`));

  it('counts endpoints that leave at once, of a Service and of the node', () => {
    expect(report([cart, many(9)], [cart, many(3)]).dangers).toEqual([
      'default/cart loses 6 of its 9 endpoints at once',
      "6 of the node's 9 endpoints are removed at once",
    ]);
    expect(report([cart, many(9)], [cart, many(6)]).dangers).toEqual([]);
    expect(report([cart, many(2)], [cart, many(1)]).dangers).toEqual([]);
  });

  it.each([
    [
      'whose hook is gone',
      /^-A PREROUTING .*KUBE-SERVICES\n/m,
      '~ default/cart: cluster IP 10.96.0.1:80/TCP, node port 30080/TCP: outside clients: not reached by the rules → 1 endpoint: local 100 %',
    ],
    [
      'that nothing leads to',
      /^-A KUBE-SERVICES .*-j KUBE-NODEPORTS\n/m,
      '~ default/cart: node port 30080/TCP: not reached by the rules → 1 endpoint: local 100 %',
    ],
    ['in the order of kube-proxy', /^(-A OUTPUT .*\n)(-A OUTPUT .*\n)/m, undefined],
  ])('is told of rules %s, though they are the same', (_, gone, sentence) => {
    const objects = [service('cart', { type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }] }), local('10.1.0.1')];
    const text = iptables.print(compiled(...objects).ruleset);
    const damaged = text.replace(gone, sentence === undefined ? '$2$1' : '');
    expect(damaged).not.toBe(text);
    expect(reportFrom(damaged, objects).sentences).toEqual(sentence === undefined ? [] : [sentence]);
  });

  it('names a missing hook and foreign rules in front', () => {
    const { ruleset } = compiled(cart, local('10.1.0.1'));
    const text = iptables
      .print(ruleset)
      .replace(/^-A PREROUTING .*\n/m, '')
      .replace('-A FORWARD', '-A FORWARD -s 203.0.113.0/24 -j DROP\n-A FORWARD');
    const save = parseSave(text, 'IPv4', (_, chain) => isOurChain(chain));
    expect(hookDangers(save.ruleset, ruleset, save.foreign)).toEqual([
      { code: 'hook-missing', message: expect.stringContaining('the jump rule in nat PREROUTING is missing') },
      {
        code: 'foreign-in-front',
        message:
          "another program's rule comes before slicewright's hooks in filter FORWARD and may decide first: -A FORWARD -s 203.0.113.0/24 -j DROP",
      },
    ]);
  });
});

describe('differences by chain', () => {
  const own = {
    prefix: kubePrefix,
    isOurs: (_: unknown, chain: string) => isOurChain(chain),
    isServiceChain: (chain: string) => /^KUBE-(SVC|SVL|EXT|FW|SEP)-/.test(chain),
  };
  const plain = {
    heading: (text: string) => `# ${text}`,
    added: (text: string) => text,
    removed: (text: string) => text,
  };
  const differences = (before: unknown[], after: unknown[]) => {
    const [from, to] = [compiled(...before).ruleset, compiled(...after).ruleset];
    return diffChains(diffRulesets(from, to), ownersIn([to, from], own));
  };

  it('show the chains of the changed Service with its name, and nothing else', () => {
    const diffs = differences([cart, local('10.1.0.1')], [cart, local('10.1.0.2')]);
    expect(
      diffs.map(({ change, servicePort, removed, added }) => [change, servicePort, removed, added].join(' ')).sort(),
    ).toEqual(['changed default/cart 1 1', 'created default/cart 0 2', 'deleted default/cart 2 0']);
    const text = partsText(diffs, plain, 100);
    expect(text).toMatch(
      /^# nat KUBE-SVC-\w{16} \(default\/cart\) changed\n.*\n?-.*10\.1\.0\.1:8080.*\n\+.*10\.1\.0\.2:8080/m,
    );
  });

  it('stay bounded: what is left out is counted', () => {
    const text = partsText(differences([], [cart, local('10.1.0.1')]), plain, 5);
    expect(text.split('\n').length).toBeLessThan(12);
    expect(text).toMatch(/… and \d+ more chains with \d+ changed rules/);
  });

  it('fall back to what goes and what comes where too much differs', () => {
    const addresses = (third: number) => Array.from({ length: 250 }, (_, i) => `10.1.${third}.${i + 1}`);
    const big = differences([cart, local(...addresses(1))], [cart, local(...addresses(2))]).find(({ chain }) =>
      chain.startsWith('KUBE-SVC'),
    );
    expect([big?.removed, big?.added]).toEqual([250, 250]);
  });
});
