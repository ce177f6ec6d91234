import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { type DocumentFormat, documentText } from '../terminal/document.ts';
import type { Clock } from '../loop/clock.ts';
import type { Io } from '../terminal/io.ts';
import { watch } from '../terminal/watch.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { InputError } from '../input/input-error.ts';
import { type Asked, parseAsked, type SelectionOptions } from '../input/asked.ts';
import { diagnosticsText } from '../terminal/diagnostics.ts';
import type { AgentStatus } from '../serving/status.ts';
import { reportingFailures } from './failures.ts';
import { chosenStatus, serviceNames, statusChoice } from './status-choice.ts';
import { statusText } from './status-text.ts';

export interface StatusOptions extends SelectionOptions {
  /** `127.0.0.1:10249`, the address of the agent's metrics. */
  readonly address: string;
  /** `NAMESPACE/NAME[:PORT]`: the Services that are asked about; none: all. */
  readonly services?: readonly string[];
  /** wide: also where Services are dialled, and messages at full length; name: the Services alone, a line each. */
  readonly output: 'text' | 'wide' | 'name' | DocumentFormat;
}

/** What watching takes. */
export interface WatchPlace {
  readonly clock: Pick<Clock, 'timer'>;
  /** Aborted: stop. */
  readonly told: AbortSignal;
  readonly intervalMs: number;
}

/**
 * Reads the state of the agent of this node, once or repeatedly.
 *
 * returns  0 everything is in force, 1 something is wrong, a named Service is not served, or no agent answers;
 *          2 usage; after several answers, the status of the last
 */
export function statusCommand(options: StatusOptions, io: Io, place?: WatchPlace): Promise<number> {
  return reportingFailures('human', io, () => {
    const asked = parseAsked(options.services ?? [], options);
    const ask = () => askChosen(options, asked);
    return tellStatus(ask, options, io, place);
  });
}

type Ask = () => Promise<AgentStatus | string>;

async function askChosen({ address, services = [] }: StatusOptions, asked: Asked) {
  const answer = await askStatus(address);
  if (typeof answer === 'string') return answer;
  const labelled = await askLabelled(address, asked);
  if (typeof labelled === 'string') return labelled;
  const chosen = chosenStatus(answer, statusChoice(asked, labelled));
  if (services.length === 0 || serviceNames(chosen).length > 0) return chosen;
  return `slicewright: this node serves no Service ${services.map((name) => printable(name)).join(' or ')}\n`;
}

/** The Services that a selector matches, if one was given. text   why the agent did not answer that */
async function askLabelled(address: string, asked: Asked): Promise<ReadonlySet<string> | string | undefined> {
  if (asked.matches === undefined) return undefined;
  const { askServicesWith } = await import('../packets/ask-labels.ts');
  try {
    return new Set(await askServicesWith(address, asked));
  } catch (error) {
    if (error instanceof InputError) return diagnosticsText(error.diagnostics, 'human');
    throw error;
  }
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
    case 'wide':
      return statusText(status, output === 'wide');
    case 'name':
      return serviceNames(status)
        .map((name) => `${printable(name)}\n`)
        .join('');
    case 'json':
    case 'yaml':
      return documentText('AgentStatus', status, output);
  }
}

/** text   no agent answers, and why */
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

/** By `node:http`: loading `fetch` would take most of the command's time. */
async function ask(address: string): Promise<AgentStatus> {
  const request = get(`http://${address}/slicewright/status`, { signal: AbortSignal.timeout(5_000), agent: false });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  const body = await text(answer);
  if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} instead of a status`);
  return JSON.parse(body) as AgentStatus;
}

/** A kind that the agent can do without may fail. Before the first sync no rules are known to be in force. */
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
