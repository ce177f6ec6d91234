import { type DocumentFormat, documentText } from '../../agent/terminal/document.ts';
import type { Io } from '../../agent/terminal/io.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import type { ControllerStatus } from '../status.ts';

export interface ControllerStatusOptions {
  /** The address of the controller's metrics. */
  readonly address: string;
  readonly output: 'text' | DocumentFormat;
}

/**
 * Reads the state of a controller.
 *
 * returns  0 everything is fine, 1 something is wrong, or no controller answers
 */
export async function controllerStatusCommand({ address, output }: ControllerStatusOptions, io: Io): Promise<number> {
  let status: ControllerStatus;
  try {
    const answer = await fetch(`http://${address}/slicewright/status`, { signal: AbortSignal.timeout(5_000) });
    if (answer.status !== 200) throw new Error(`status ${answer.status} instead of the state of the agent`);
    status = (await answer.json()) as ControllerStatus;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    await io.err(
      `slicewright: no controller answers at ${address} (${printable(cause, 200)}); choose another address with --address\n`,
    );
    return 1;
  }
  await io.out(output === 'text' ? statusText(status) : await documentText('ControllerStatus', status, output));
  return isWell(status) ? 0 : 1;
}

function isWell({ isStarted, clusters, held, problems, withheld }: ControllerStatus): boolean {
  const isQuiet = held.length === 0 && problems.length === 0 && withheld.length === 0;
  return isStarted && isQuiet && clusters.every(({ access }) => access === 'live');
}

function statusText(status: ControllerStatus): string {
  const { clusters, held, withheld, problems } = status;
  const width = Math.max(0, ...clusters.map(({ cluster }) => printable(cluster).length));
  const lines = [
    `controller ${printable(status.identity)}: ${status.isLeading ? 'leads' : `waits, ${printable(status.leader) || 'no replica'} leads`}`,
    status.isStarted
      ? `${status.waiting} objects are waiting to be reconciled`
      : 'has not read all clusters yet, and writes nothing',
    '',
    'CLUSTERS',
    ...clusters.flatMap(({ cluster, from, access, silentSeconds, failing, writer, vacancy }) => [
      `  ${printable(cluster).padEnd(width)}  ${access}, ${silentSeconds === null ? 'never heard' : `heard ${silentSeconds} s ago`}  ${printable(from)}`,
      ...(writer === status.leader ? [] : [`    ${writerText(writer, vacancy)}`]),
      ...failing.map((problem) => `    cannot read ${printable(problem, 200)}`),
    ]),
    ...section(
      'HELD',
      held.map(({ source, copies }) => `${printable(source)} reports no slices: ${copies} copies are kept for now`),
    ),
    ...section(
      'NOT DELETED YET',
      withheld.map((text) => printable(text, 300)),
    ),
    ...section(
      'PROBLEMS',
      problems.map(({ object, problem }) => `${printable(object, 300)}: ${printable(problem, 400)}`),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

/** A line for each cluster in which another replica than the leader writes. */
function writerText(writer: string, vacancy: string): string {
  if (writer !== '') return `written by ${printable(writer)}`;
  return `no replica writes there${vacancy === '' ? '' : `: ${printable(vacancy, 200)}`}`;
}

function section(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  const more = lines.length > maxLines ? [`  and ${lines.length - maxLines} more`] : [];
  return ['', title, ...lines.slice(0, maxLines).map((line) => `  ${line}`), ...more];
}

const maxLines = 20;
