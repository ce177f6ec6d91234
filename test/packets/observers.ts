import type { Network } from '../netns/network.ts';
import type { LoadFailure } from '../netns/station-protocol.ts';
import { expectedOutcomes, type Program } from './program.ts';
import { type Dial, endpointName, hostOf, sourceOf } from './world.ts';

/** A program that was applied: between the two times it was partly in force. */
export interface Period {
  readonly program: Program;
  readonly beganMs: number;
  readonly settledMs: number;
}

/** The observations of clients that connected continuously. */
export interface Sightings {
  readonly connections: number;
  /** Connections that failed, and may have failed: at some time during them there was no endpoint. */
  readonly failures: number;
  /** Connections that failed although every program in force during them had an endpoint for them. */
  readonly unexplained: readonly string[];
}

/** Clients that dial continuously, each from the place that its dial names, until they are stopped. */
export interface Observers {
  stop(periods: readonly Period[]): Promise<Sightings>;
}

export async function startObservers(network: Network, dials: readonly Dial[]): Promise<Observers> {
  const groups = [...Map.groupBy(dials, (dial) => hostOf(dial.from))];
  for (const [host, members] of groups) {
    const station = await network.station(host);
    const targets = members.map(({ to, port }) => ({ address: to, port }));
    await station.startLoad({ targets, workers: 2, timeoutMs: 5_000 });
  }
  return {
    async stop(periods) {
      const reports = [];
      for (const [host, members] of groups)
        reports.push({ members, report: await (await network.station(host)).stopLoad() });
      const failed = reports.flatMap(({ members, report }) => report.failures.map((failure) => ({ members, failure })));
      const unexplained = failed.filter(({ members, failure }) => !mayFail(dialOf(members, failure), failure, periods));
      return {
        connections: reports.reduce((sum, { report }) => sum + report.connections, 0),
        failures: failed.length - unexplained.length,
        unexplained: unexplained.map(({ members, failure }) => describe(dialOf(members, failure), failure)),
      };
    },
  };
}

function dialOf(dials: readonly Dial[], { target }: LoadFailure): Dial {
  const dial = dials.find(({ to, port }) => endpointName(to, port) === target);
  if (dial === undefined) throw new Error(`nobody dialled ${target}`);
  return dial;
}

/** Whether a program that was wholly or partly in force during the connection had no endpoint for it. */
function mayFail(dial: Dial, { startedMs, endedMs }: LoadFailure, periods: readonly Period[]): boolean {
  return periods.some(({ program, beganMs }, i) => {
    // A program stays in force until the next one is settled. Clocks tick in milliseconds.
    const goneMs = periods[i + 1]?.settledMs ?? Infinity;
    const overlaps = beganMs <= endedMs + 1 && startedMs - 1 <= goneMs;
    return overlaps && !hasEndpoint(program, dial);
  });
}

function hasEndpoint(program: Program, dial: Dial): boolean {
  return expectedOutcomes(program, dial).every((outcome) => /^[\d[]/.test(outcome));
}

function describe(dial: Dial, { startedMs, endedMs, answer }: LoadFailure): string {
  const outcome = answer.kind === 'failed' ? answer.code : answer.kind;
  return `${dial.from} ${sourceOf(dial)} → ${dial.to}:${dial.port}: ${outcome} after ${endedMs - startedMs} ms`;
}
