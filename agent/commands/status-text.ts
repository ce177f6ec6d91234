import { printable } from '../../compiler/values/object-ref.ts';
import type { AgentStatus, ClusterStatus, FamilyStatus, ServiceStatus } from '../serving/status.ts';

/** How many characters of a message are shown, in a table and on a line of its own. */
interface Length {
  readonly cell: number;
  readonly line: number;
}
const usualLength: Length = { cell: 200, line: 400 };
const fullLength: Length = { cell: 10_000, line: 10_000 };

/**
 * A status for a person.
 *
 * isWide   also where each Service is dialled, and messages at full length
 */
export function statusText(status: AgentStatus, isWide = false): string {
  const length = isWide ? fullLength : usualLength;
  const ago = (ms: number | undefined): string => (ms === undefined ? 'never' : `${duration(status.nowMs - ms)} ago`);
  const lines = [
    `node ${printable(status.node)}, ${status.mode}, running for ${duration(status.nowMs - status.startedMs)}`,
    ...(status.waitingFor.length === 0
      ? []
      : [`waiting for ${status.waitingFor.map((name) => printable(name)).join(', ')}`]),
    ...(status.held === undefined ? [] : [`no rules are written: ${printable(status.held, 2_000)}`]),
    '',
    'SOURCES',
    ...table(
      status.sources.map(({ cluster, from, synced, silentMs, failing, forgone }) => [
        `  ${printable(cluster)}`,
        printable(from),
        synced ? 'synced' : 'not read yet',
        silentMs === undefined || silentMs === null ? 'never heard' : `heard ${duration(silentMs)} ago`,
        [
          ...failing.map(({ kind, problem }) => `${kind}: ${printable(problem, length.cell)}`),
          ...forgone.map(({ kind, problem }) => `works without ${kind}: ${printable(problem, length.cell)}`),
        ].join('; '),
      ]),
    ),
    ...(status.clusters.length === 0
      ? []
      : ['', 'CLUSTERS', ...table(status.clusters.map((one) => clusterCells(one, length)))]),
    '',
    'RULES',
    ...(status.families.length === 0 ? ['  not synced yet'] : []),
    ...status.families.flatMap((family) => familyLines(family, ago, length)),
    '',
    `SERVICES (${status.services.length})`,
    ...table(
      status.services.map((service) => [
        `  ${printable(service.id)}`,
        ...(isWide ? [dialledText(service)] : []),
        servedText(service, isWide),
      ]),
    ),
    ...(status.problems.length === 0
      ? []
      : ['', 'PROBLEMS', ...status.problems.map((problem) => `  ${printable(problem, length.line)}`)]),
  ];
  return `${lines.join('\n')}\n`;
}

function dialledText({ frontends = [] }: ServiceStatus): string {
  return frontends.map((one) => printable(one)).join(', ');
}

/** Endpoints by cluster, or what clients get if there is no endpoint. */
function servedText({ endpoints, refuses, refusesOutside }: ServiceStatus, isWide: boolean): string {
  const counts = Object.entries(endpoints).map(([cluster, count]) => `${printable(cluster)} ${count}`);
  const inside = refuses ?? counts.join(', ');
  return isWide && refusesOutside !== undefined && refusesOutside !== refuses
    ? `${inside}; ${refusesOutside} from outside`
    : inside;
}

function clusterCells({ cluster, state, why, heldSlices }: ClusterStatus, { cell }: Length): string[] {
  const held = heldSlices === 0 ? '' : `; ${heldSlices} slices were deleted at once and are held`;
  return [`  ${printable(cluster)}`, state, `${printable(why, cell)}${held}`];
}

function familyLines(
  { family, failure, quarantined, ...rest }: FamilyStatus,
  ago: (ms: number | undefined) => string,
  { cell, line }: Length,
) {
  const took =
    rest.durationMs === undefined || rest.durationMs === null ? '' : `, took ${Math.round(rest.durationMs)} ms`;
  const isSynced = rest.syncedMs !== undefined && rest.syncedMs !== null;
  return [
    `  ${family}  ${isSynced ? `synced ${ago(rest.syncedMs)}${took}` : 'not synced yet'}`,
    ...(failure === undefined || failure === null ? [] : [`    the last sync failed: ${oneLine(failure, line)}`]),
    ...(rest.drifts === 0
      ? []
      : [`    changed by others ${rest.drifts} times, last: ${printable(rest.lastDrift ?? '', cell)}`]),
    ...quarantined.map(({ service, message }) => `    held back: ${printable(service)}: ${oneLine(message, cell)}`),
  ];
}

/** Messages of the kernel's tools can have several lines. */
function oneLine(text: string, maxLength: number): string {
  return printable(text.trim().replace(/\s*\n\s*/g, ' | '), maxLength);
}

/** Columns of equal width, the last as long as it is. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>((all, row) => row.map((cell, i) => Math.max(cell.length, all[i] ?? 0)), []);
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`;
}
