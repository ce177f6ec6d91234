import type { Fate } from '../../backends/planning/traffic.ts';
import type { Rational } from '../../compiler/values/rational.ts';
import type { FamilyReport } from './report.ts';
import type { ClusterOf } from './sentences.ts';

/** A report as JSON for programs. `docs/commands.md` describes the fields. */
export function reportJson(report: FamilyReport, steps: readonly object[], clusterOf: ClusterOf): object {
  const { family, backend, source, services, frontends, dangers, parts, notes } = report;
  const { transactions, lines } = report.cost;
  return {
    family,
    backend,
    against: source,
    cost: { transactions, lines, chains: report.cost.parts },
    services,
    frontends: frontends.map(({ servicePort, frontend: { kind, address, port, protocol }, before, after }) => ({
      servicePort,
      kind,
      address,
      port,
      protocol,
      before: fateJson(before, clusterOf),
      after: fateJson(after, clusterOf),
    })),
    dangers,
    chains: parts,
    notes,
    steps,
  };
}

function fateJson(fate: Fate, clusterOf: ClusterOf): object {
  if (fate.kind !== 'forward') return { kind: fate.kind };
  const endpoints = [...fate.shares].map(([endpoint, share]) => ({
    endpoint,
    cluster: clusterOf(endpoint) ?? null,
    share: toNumber(share),
  }));
  return { kind: fate.kind, endpoints, refused: toNumber(fate.refused) };
}

/** Part of the connections, 0 to 1. The fractions' own numbers have thousands of bits, more than a number holds. */
function toNumber({ numerator, denominator }: Rational): number {
  return Number((numerator * 1_000_000_000_000n) / denominator) / 1e12;
}
