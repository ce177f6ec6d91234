import { endpointText } from '../../compiler/ir/ir.ts';
import type { Diagnostic, Severity } from '../../compiler/values/diagnostic.ts';
import { counted } from '../../compiler/values/counted.ts';
import { compareText } from '../../compiler/values/names.ts';
import { clusterText, isUsed } from '../graph/words.ts';
import type { ReportedService, ServiceState } from './services.ts';

/** A Service as a row of the table. */
export interface Row {
  readonly index: number;
  readonly key: string;
  readonly namespace: string;
  readonly state: ServiceState;
  /** The state as a class for the style sheet: `serves-in-part`. */
  readonly mark: string;
  readonly addresses: string;
  readonly endpoints: string;
  readonly clusters: readonly string[];
  readonly worst: Severity | 'none';
  readonly diagnostics: string;
  /** `added`, `removed`, `changed`, `same traffic`; empty: no change. */
  readonly change: string;
  /** All searchable text, in lower case. */
  readonly search: string;
}

export function rowOf(service: ReportedService, index: number, change: string): Row {
  const { key, state, ports, diagnostics } = service;
  const graphs = ports.map(({ graph }) => graph);
  const frontends = graphs.flatMap((graph) => graph.frontends.map(({ place }) => place));
  const clusters = graphs.flatMap((graph) => graph.clusters);
  const used = new Set(clusters.flatMap(({ endpoints }) => endpoints.map(({ place }) => place)));
  const places = ports.flatMap(({ endpoints }) => endpoints.map(endpointText));
  const known = new Set(places).size;
  return {
    ...{ index, key, state, change },
    namespace: key.split('/')[0] ?? '',
    mark: state.replaceAll(' ', '-'),
    addresses: [...new Set(frontends)].join(', '),
    endpoints: known === 0 ? '0' : `${used.size} of ${known}`,
    clusters: [...new Set(clusters.filter(({ shares }) => isUsed(shares)).map(clusterText))].sort(compareText),
    worst: diagnostics[0]?.severity ?? 'none',
    diagnostics: countsText(diagnostics),
    search: [key, ...graphs.map(({ id }) => id), ...new Set([...frontends, ...places])].join(' ').toLowerCase(),
  };
}

/** `1 error, 2 warnings`; empty: none. */
export function countsText(diagnostics: readonly Diagnostic[]): string {
  return (['error', 'warning', 'info'] as const)
    .map((severity) => [severity, diagnostics.filter((one) => one.severity === severity).length] as const)
    .filter(([, count]) => count > 0)
    .map(([severity, count]) => (severity === 'info' ? counted(count, 'note') : counted(count, severity)))
    .join(', ');
}

/** The filters of the table, each with the values that occur in rows. */
export function filtersOf(rows: readonly Row[]) {
  const values = (of: (row: Row) => readonly string[]) =>
    [...new Set(rows.flatMap(of))].filter((value) => value !== '').sort(compareText);
  return {
    namespaces: values(({ namespace }) => [namespace]),
    clusters: values(({ clusters }) => clusters),
    states: values(({ state }) => [state]),
    changes: values(({ change }) => [change]),
  };
}
