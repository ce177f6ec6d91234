import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { type DocumentFormat, documentText } from '../terminal/document.ts';
import type { Clock } from '../loop/clock.ts';
import type { Io } from '../terminal/io.ts';
import { watch } from '../terminal/watch.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import type { SelectionOptions } from '../input/selection.ts';
import type { AgentStatus, ClusterStatus, FamilyStatus } from '../serving/status.ts';
import { reportingFailures } from './failures.ts';
import { chosenStatus, type IsChosen, parseStatusChoice, serviceNames } from './status-choice.ts';

export interface StatusOptions extends Pick<SelectionOptions, 'namespace'> {
  /** `127.0.0.1:10249`, the address of the agent's metrics. */
  readonly address: string;
  /** `NAMESPACE/NAME[:PORT]`: the Services that are asked about; none: all. */
  readonly services?: readonly string[];
  /** name: the Services alone, a line each. */
  readonly output: 'text' | 'name' | DocumentFormat;
}

/** What watching takes. */
export interface WatchPlace {
  readonly clock: Pick<Clock, 'timer'>;
  /** Aborted: stop. */
  readonly told: AbortSignal;
  readonly intervalMs: number;
}

/**
 * Asks the agent of this node how it stands, once or again and again.
 *
 * returns  0 all is in force, 1 something is not as it should be, a Service that was named is not served, or nobody answers;
 *          2 usage; of several answers, the last
 */
export function statusCommand(options: StatusOptions, io: Io, place?: WatchPlace): Promise<number> {
  return reportingFailures('human', io, () => {
    const isChosen = parseStatusChoice(options.services ?? [], options);
    const ask = () => askChosen(options, isChosen);
    return tellStatus(ask, options, io, place);
  });
}

type Ask = () => Promise<AgentStatus | string>;

async function askChosen({ address, services = [] }: StatusOptions, isChosen: IsChosen | undefined) {
  const answer = await askStatus(address);
  if (typeof answer === 'string') return answer;
  const chosen = chosenStatus(answer, isChosen);
  if (services.length === 0 || serviceNames(chosen).length > 0) return chosen;
  return `slicewright: this node serves no Service ${services.map((name) => printable(name)).join(' or ')}\n`;
}

async function tellStatus(ask: Ask, options: StatusOptions, io: Io, place: WatchPlace | undefined): Promise<number> {
  if (place === undefined) {
    const status = await ask();
    if (typeof status === 'string') await io.err(status);
    else await io.out(await textOf(status, options.output));
    return exitStatusOf(status);
  }
  const seen = { text: '', exitStatus: 1 };
  const look = async (): Promise<void> => {
    const status = await ask();
    seen.text = typeof status === 'string' ? status : await textOf(status, options.output);
    seen.exitStatus = exitStatusOf(status);
  };
  const lines = () =>
    seen.text
      .trimEnd()
      .split('\n')
      .map((text) => ({ text }));
  await watch({ io, ...place }, { look, lines });
  return seen.exitStatus;
}

function exitStatusOf(status: AgentStatus | string): number {
  return typeof status !== 'string' && isWell(status) ? 0 : 1;
}

function textOf(status: AgentStatus, output: StatusOptions['output']): string | Promise<string> {
  switch (output) {
    case 'text':
      return statusText(status);
    case 'name':
      return serviceNames(status)
        .map((name) => `${printable(name)}\n`)
        .join('');
    case 'json':
    case 'yaml':
      return documentText('AgentStatus', status, output);
  }
}

/** text   nobody answers */
async function askStatus(address: string): Promise<AgentStatus | string> {
  try {
    return await ask(address);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    return (
      `slicewright: no agent answers at ${address} (${printable(cause, 200)}). ` +
      'It listens at metricsBindAddress; choose another address with --address\n'
    );
  }
}

/** By `node:http`: what `fetch` loads would be most of the command's time. */
async function ask(address: string): Promise<AgentStatus> {
  const request = get(`http://${address}/slicewright/status`, { signal: AbortSignal.timeout(5_000), agent: false });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  const body = await text(answer);
  if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} instead of a status`);
  return JSON.parse(body) as AgentStatus;
}

/** What may be forgone is told and no more. Before the first sync nothing is known to be in force. */
export function isWell({ waitingFor, held, families, sources, clusters }: AgentStatus): boolean {
  return (
    waitingFor.length === 0 &&
    held === undefined &&
    families.length > 0 &&
    families.every(({ failure, quarantined }) => failure === undefined && quarantined.length === 0) &&
    sources.every(({ failing }) => failing.length === 0) &&
    clusters.every(({ state, heldSlices }) => state !== 'Lost' && heldSlices === 0)
  );
}

export function statusText(status: AgentStatus): string {
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
          ...failing.map(({ kind, problem }) => `${kind}: ${printable(problem, 120)}`),
          ...forgone.map(({ kind, problem }) => `works without ${kind}: ${printable(problem, 120)}`),
        ].join('; '),
      ]),
    ),
    ...(status.clusters.length === 0 ? [] : ['', 'CLUSTERS', ...table(status.clusters.map(clusterCells))]),
    '',
    'RULES',
    ...(status.families.length === 0 ? ['  not synced yet'] : []),
    ...status.families.flatMap((family) => familyLines(family, ago)),
    '',
    `SERVICES (${status.services.length})`,
    ...table(
      status.services.map(({ id, endpoints, refuses }) => [
        `  ${printable(id)}`,
        refuses ??
          Object.entries(endpoints)
            .map(([cluster, count]) => `${printable(cluster)} ${count}`)
            .join(', '),
      ]),
    ),
    ...(status.problems.length === 0
      ? []
      : ['', 'PROBLEMS', ...status.problems.map((problem) => `  ${printable(problem, 400)}`)]),
  ];
  return `${lines.join('\n')}\n`;
}

function clusterCells({ cluster, state, why, heldSlices }: ClusterStatus): string[] {
  const held = heldSlices === 0 ? '' : `; ${heldSlices} slices were deleted at once and are held`;
  return [`  ${printable(cluster)}`, state, `${printable(why, 200)}${held}`];
}

function familyLines({ family, failure, quarantined, ...rest }: FamilyStatus, ago: (ms: number | undefined) => string) {
  const took =
    rest.durationMs === undefined || rest.durationMs === null ? '' : `, took ${Math.round(rest.durationMs)} ms`;
  const isSynced = rest.syncedMs !== undefined && rest.syncedMs !== null;
  return [
    `  ${family}  ${isSynced ? `synced ${ago(rest.syncedMs)}${took}` : 'not synced yet'}`,
    ...(failure === undefined || failure === null ? [] : [`    the last sync failed: ${oneLine(failure, 400)}`]),
    ...(rest.drifts === 0
      ? []
      : [`    changed by others ${rest.drifts} times, last: ${printable(rest.lastDrift ?? '', 200)}`]),
    ...quarantined.map(({ service, message }) => `    held back: ${printable(service)}: ${oneLine(message, 200)}`),
  ];
}

/** What the kernel's tools say can be of several lines. */
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
