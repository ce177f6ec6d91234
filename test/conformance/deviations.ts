import { endpointText, type ServicePortIR } from '../../compiler/ir/ir.ts';

/** A deliberate difference from kube-proxy v1.30, and the rule behind it. */
export interface Deviation {
  /** The rule that requires it, by its name in docs/rules.md. */
  readonly rule: string;
  readonly why: string;
  /** Per Service port, in the words of {@link describeDifference}. */
  readonly differences: Readonly<Record<string, readonly string[]>>;
}

const hints: Pick<Deviation, 'rule' | 'why'> = {
  rule: 'IPT-5.4',
  why: 'since 1.31 zone hints count whatever the annotation says',
};

/** Every case whose result differs from kube-proxy’s without compat mode. All are in IPv4. */
export const deviations: Readonly<Record<string, Deviation>> = {
  '033-hints': {
    ...hints,
    differences: {
      'default/dis/TCP/IPv4': ['cluster: without 10.12.3.2:8080, 10.12.3.4:8080'],
      'default/nohint-annotation/TCP/IPv4': ['cluster: without 10.12.2.2:8080, 10.12.2.4:8080'],
    },
  },
  '038-prefer-close-gate-off': {
    ...hints,
    differences: { 'default/web/TCP/IPv4': ['cluster: without 10.12.2.1:8080'] },
  },
  '042-same-endpoint-twice': {
    rule: 'MR-33',
    why: 'of two slices that list one endpoint the one that calls it ready counts, not the first',
    differences: { 'default/w2/TCP/IPv4': ['cluster: with 10.12.1.5:8080'] },
  },
  '046-mcs-three-members': {
    rule: 'MR-13',
    why: 'a node of another cluster is never this one, whatever its name',
    differences: { 'default/web/TCP/IPv4': ['local: without 10.10.1.1:8080'] },
  },
  '068-lb-ranges-externalips': {
    rule: 'IPT-3.3',
    why: 'since 1.35 a source range of length 0 means no restriction',
    differences: { 'default/a/TCP/IPv4': ['source ranges: without 0.0.0.0/0, 198.51.100.0/24'] },
  },
  '070-everything-dual-stack': {
    ...hints,
    differences: { 'ns2/hintsoff:http/TCP/IPv4': ['cluster: without 10.1.2.111:80'] },
  },
};

/**
 * One Service port by slicewright's rules and by kube-proxy's: the endpoints per pool and the source ranges that
 * differ.
 */
export function describeDifference(kubeProxy: ServicePortIR, ours: ServicePortIR): string[] {
  const sets = (ir: ServicePortIR): Record<string, readonly string[]> => ({
    cluster: ir.pools.cluster.map(endpointText),
    local: ir.pools.local.map(endpointText),
    'source ranges': ir.frontends.flatMap((frontend) =>
      frontend.kind === 'loadBalancerIP' ? frontend.sourceRanges : [],
    ),
  });
  const theirs = sets(kubeProxy);
  return Object.entries(sets(ours)).flatMap(([what, values]) => {
    const before = theirs[what] ?? [];
    const gone = before.filter((value) => !values.includes(value)).sort();
    const come = values.filter((value) => !before.includes(value)).sort();
    return [
      ...(gone.length > 0 ? [`${what}: without ${gone.join(', ')}`] : []),
      ...(come.length > 0 ? [`${what}: with ${come.join(', ')}`] : []),
    ];
  });
}
