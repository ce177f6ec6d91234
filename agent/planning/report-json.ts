import type { Fate } from '../../backends/planning/fate.ts';
import type { FoundFrontend } from '../../backends/planning/side.ts';
import type { FrontendChange } from '../../backends/planning/traffic.ts';
import type { Rational } from '../../compiler/values/rational.ts';
import type { FamilyReport } from './report.ts';
import type { ClusterOf } from './fact-texts.ts';

/** A report as JSON for programs. `docs/commands.md` describes the fields. */
export function reportJson(report: FamilyReport, steps: readonly object[] | undefined, clusterOf: ClusterOf): object {
  const { family, backend, source, services, frontends, dangers, parts, notes } = report;
  const { transactions, lines } = report.cost;
  return {
    family,
    backend,
    against: source,
    cost: { transactions, lines, chains: report.cost.parts },
    services: services.map(({ service, sign, text, line }) => ({ service, sign, text, line })),
    frontends: frontends.map((change) => frontendJson(change, clusterOf)),
    dangers,
    chains: parts,
    notes,
    steps,
  };
}

function frontendJson(
  { servicePort, frontend, was, is, before, after, clients, elsewhere }: FrontendChange,
  clusterOf: ClusterOf,
) {
  const { kind, address, port, protocol } = frontend;
  return {
    servicePort,
    ...(was !== undefined && was.servicePort !== servicePort ? { formerServicePort: was.servicePort } : {}),
    ...{ kind, address, port, protocol },
    before: fateJson(before, clusterOf),
    after: fateJson(after, clusterOf),
    ...sidesJson('sourceRanges', was, is, ({ allowedFrom }) => allowedFrom),
    ...sidesJson('affinitySeconds', was, is, ({ affinitySeconds }) => affinitySeconds),
    clients: [...clients, ...elsewhere].map((one) => ({
      kind: one.client.kind,
      source: one.client.source,
      ...(one.at === undefined ? {} : { at: one.at }),
      before: one.before.kind,
      after: one.after.kind,
      isChanged: one.before !== one.after,
    })),
  };
}

/** `null` if that side has none; left out if neither side has one. */
function sidesJson(
  name: string,
  was: FoundFrontend | undefined,
  is: FoundFrontend | undefined,
  valueOf: (frontend: FoundFrontend) => unknown,
): object {
  const [before, after] = [was && valueOf(was), is && valueOf(is)];
  return before === undefined && after === undefined
    ? {}
    : { [name]: { before: before ?? null, after: after ?? null } };
}

function fateJson(fate: Fate, clusterOf: ClusterOf): object {
  if (fate.kind !== 'forward') return { kind: fate.kind };
  const endpoints = [...fate.shares].map(([endpoint, share]) => ({
    endpoint,
    cluster: clusterOf(endpoint) ?? null,
    share: toNumber(share),
    masquerade: fate.masqueraded.has(endpoint),
  }));
  return { kind: fate.kind, endpoints, refused: toNumber(fate.refused) };
}

/** A share of the connections, 0 to 1. The exact fractions can have thousands of bits, too many for a number. */
function toNumber({ numerator, denominator }: Rational): number {
  return Number((numerator * 1_000_000_000_000n) / denominator) / 1e12;
}
