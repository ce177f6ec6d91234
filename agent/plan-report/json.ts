import { documentText } from '../../backends/netfilter/document.ts';
import type { NetfilterStep } from '../../backends/netfilter/live.ts';
import type { Rational } from '../../compiler/values/rational.ts';
import type { FamilyReport } from './report.ts';
import type { ClusterOf } from './sentences.ts';
import type { Fate } from './traffic.ts';

/**
 * A report as JSON for programs. `docs/commands.md` describes the fields.
 *
 * steps   for programs, as {@link netfilterStepJson} gives those of rules
 */
export function reportJson(report: FamilyReport, steps: readonly object[], clusterOf: ClusterOf): object {
  const { family, backend, source, services, frontends, dangers, chains, cost, notes } = report;
  return {
    family,
    backend,
    against: source,
    cost,
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
    chains,
    notes,
    steps,
  };
}

export function netfilterStepJson(step: NetfilterStep): object {
  const { phase, kind } = step;
  return kind === 'restore'
    ? { phase, kind, document: documentText(step.document.tables) }
    : { phase, kind, flows: step.flows };
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
