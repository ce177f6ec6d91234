import { endpointText, frontendText, type Frontend, type Route } from '../../compiler/ir/ir.ts';
import type { EndpointRecord } from '../../compiler/merge/record.ts';
import { formatFraction } from '../../compiler/semantics/verdict-text.ts';
import { formatObjectRef, printable } from '../../compiler/values/object-ref.ts';
import { formatPercent } from '../../compiler/values/rational.ts';
import type { ExplainedEndpoint, ExplainedPort } from './explain.ts';

export interface TableChoices {
  /** The name of a cluster: shares after its loss are shown too. */
  readonly without?: string | undefined;
  /** More columns: the exact fraction, the weight, the pools. */
  readonly wide?: boolean;
}

/** Explained ports for a person: a paragraph each, with a row for every endpoint. */
export function explainTable(ports: readonly ExplainedPort[], choices: TableChoices = {}): string {
  return ports.map((port) => `${paragraph(port, choices)}\n`).join('\n');
}

function paragraph(port: ExplainedPort, { without, wide = false }: TableChoices): string {
  const lines = [port.id, ...wayLines(port)];
  if (port.endpoints.length === 0) return [...lines, '  no endpoint is known'].join('\n');
  const compared = without === undefined ? [] : [`WITHOUT ${without}`];
  const header = wide
    ? ['ENDPOINT', 'CLUSTER', 'STATE', 'SHARE', ...compared, 'FRACTION', 'WEIGHT', 'POOLS', 'SLICE', 'WHY']
    : ['ENDPOINT', 'CLUSTER', 'STATE', 'SHARE', ...compared, 'SLICE', 'WHY'];
  const rows = port.endpoints.map((endpoint) => {
    const cells = endpointCells(endpoint, without !== undefined);
    return wide ? cells.toSpliced(-2, 0, ...wideCells(endpoint)) : cells;
  });
  return [...lines, ...align([header, ...rows])].join('\n');
}

/** One endpoint's exact share, its weight, and its pools. */
function wideCells({ share, weight, inPools }: ExplainedEndpoint): string[] {
  const pools = [...(inPools.cluster ? ['cluster'] : []), ...(inPools.local ? ['local'] : [])];
  return [formatFraction(share), String(weight), pools.length === 0 ? 'none' : pools.join(', ')];
}

function wayLines({ frontends, internal, external }: ExplainedPort): string[] {
  const inside = frontends.filter(({ kind }) => isInternal(kind));
  const outside = frontends.filter(({ kind }) => !isInternal(kind));
  return [
    ...(inside.length === 0 ? [] : [`  ${inside.map(frontendText).join(', ')}: ${way(internal)}`]),
    ...(outside.length === 0 ? [] : [`  ${outside.map(frontendText).join(', ')}: ${way(external)}`]),
  ];
}

function isInternal(kind: Frontend['kind']): boolean {
  return kind === 'clusterIP' || kind === 'clusterSetIP';
}

function way(route: Route): string {
  switch (route.kind) {
    case 'forward':
      return route.pool === 'cluster' ? 'to endpoints by share' : 'to endpoints on this node';
    case 'reject':
      return 'rejected: no ready endpoint';
    case 'drop':
      return 'dropped: no endpoint on this node';
  }
}

/** One endpoint's place, cluster, state, share, the share without some cluster, slice, and reasons. */
export function endpointCells(endpoint: ExplainedEndpoint, compares: boolean): string[] {
  const { slice, share, shareWithout, inPools, reasons } = endpoint;
  return [
    endpointText(endpoint),
    whereOf(endpoint),
    stateOf(endpoint),
    `${formatPercent(share)}${inPools.local ? ' +local' : ''}`,
    ...(compares ? [shareWithout === undefined ? 'gone' : formatPercent(shareWithout)] : []),
    formatObjectRef(slice).replace('EndpointSlice ', ''),
    reasons.map(({ rule, text }) => `${rule} ${text}`).join('; '),
  ];
}

/** An endpoint's cluster and zone. */
export function whereOf({ cluster, locality, zone }: EndpointRecord): string {
  const where = cluster ?? (locality === 'node' ? 'local, this node' : 'local');
  return zone === undefined ? where : `${where} (${printable(zone, 63)})`;
}

export function stateOf({ ready, serving, terminating }: EndpointRecord): string {
  if (ready) return terminating ? 'ready, terminating' : 'ready';
  if (!terminating) return 'not ready';
  return serving ? 'terminating, serving' : 'terminating';
}

/** Columns as wide as their widest cell; the last one is not padded. */
export function align(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
}
