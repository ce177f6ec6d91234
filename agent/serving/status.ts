import { frontendText, type ServicePortIR } from '../../compiler/ir/ir.ts';
import type { Family } from '../../compiler/values/address.ts';
import { type Diagnostic, formatDiagnostic } from '../../compiler/values/diagnostic.ts';
import { compareText } from '../../compiler/values/names.ts';
import type { ClusterStanding } from '../clusters/states.ts';
import type { AgentEvent, Report } from '../telling/agent-event.ts';
import type { SourceStatus } from '../sources/board.ts';
import { askedJson, askedOf } from '../traffic/asked.ts';

/** The result of one family's last sync. */
export interface FamilyStatus {
  readonly family: Family;
  readonly syncedMs: number | undefined;
  readonly durationMs: number | undefined;
  /** Set while the last sync failed: the rules in force are older than the desired state. */
  readonly failure: string | undefined;
  readonly drifts: number;
  readonly lastDrift: string | undefined;
  readonly quarantined: readonly { readonly service: string; readonly message: string }[];
}

/** One Service port, as the node serves it now. */
export interface ServiceStatus {
  readonly id: string;
  /** The addresses that clients use: `10.96.0.10:80`, `node port 30080`. Absent: the agent has another version. */
  readonly frontends?: readonly string[];
  /** Endpoints that get new connections, by cluster: `local`, `member1`. */
  readonly endpoints: Readonly<Record<string, number>>;
  /** `reject` or `drop` where clients get no answer. */
  readonly refuses: string | undefined;
  /** The same for clients outside of the cluster. */
  readonly refusesOutside: string | undefined;
}

export interface ClusterStatus extends Omit<ClusterStanding, 'cluster' | 'state'> {
  readonly cluster: string;
  /** `unregistered`: the cluster's state is not judged. */
  readonly state: ClusterStanding['state'] | 'unregistered';
  /** Slices that are used although they were deleted. */
  readonly heldSlices: number;
}

/** What `slicewright status` shows. Plain JSON; times are milliseconds since 1970. */
export interface AgentStatus {
  readonly node: string;
  readonly mode: string;
  readonly nowMs: number;
  readonly startedMs: number;
  /** The sources that the first program waits for; empty once it is written. */
  readonly waitingFor: readonly string[];
  /** Why the first program is not written; absent: it is written. */
  readonly held?: string;
  readonly sources: readonly (Omit<SourceStatus, 'cluster'> & { readonly cluster: string })[];
  /** Other registered clusters, and those whose deleted slices are held (MR-73). */
  readonly clusters: readonly ClusterStatus[];
  readonly families: readonly FamilyStatus[];
  readonly problems: readonly string[];
  readonly services: readonly ServiceStatus[];
}

/** Remembers from the agent's events what its status shows. */
export function createStatusBook(
  facts: {
    readonly node: string;
    readonly mode: string;
    readonly sources: () => readonly SourceStatus[];
    readonly clusters: () => readonly ClusterStanding[];
  },
  clock: { readonly nowMs: () => number },
): { readonly listen: Report; readonly status: () => AgentStatus; readonly shares: () => object } {
  const startedMs = clock.nowMs();
  const families = new Map<Family, FamilyStatus>();
  const services = new Map<Family, readonly ServicePortIR[]>();
  let waitingFor: readonly string[] = [];
  let heldRemoval: string | undefined;
  const held = new Map<string, number>();
  let problems: readonly string[] = [];
  /** They stay: a setting that could not be made at the start is not tried again. */
  let nodeProblems: readonly string[] = [];
  let leaseProblems: readonly string[] = [];

  const update = (family: Family, change: Partial<FamilyStatus>): void => {
    const before = families.get(family) ?? { ...unsynced, family };
    families.set(family, { ...before, ...change });
  };

  return {
    listen(event) {
      switch (event.kind) {
        case 'waiting':
          waitingFor = event.for;
          return;
        case 'ready':
          waitingFor = [];
          return;
        case 'prepared':
          nodeProblems = event.problems.map(formatDiagnostic);
          return;
        case 'synced':
          services.set(event.family, event.services);
          return update(event.family, {
            syncedMs: clock.nowMs(),
            durationMs: event.durationMs,
            failure: undefined,
            quarantined: event.sync.quarantined.map(({ service, message }) => ({ service, message })),
          });
        case 'sync-failed':
          return update(event.family, { failure: event.error.message });
        case 'drift':
          return update(event.family, drifted(families.get(event.family), describeDrift(event), event.isFlush));
        case 'flushed':
          return update(event.family, drifted(families.get(event.family), `${event.missing} was removed`, false));
        case 'survey':
          problems = worthSaying(event.diagnostics);
          return;
        case 'lease-problems':
          leaseProblems = worthSaying(event.diagnostics);
          return;
        case 'slices-held':
          if (event.count > 0) held.set(event.cluster, event.count);
          else held.delete(event.cluster);
          return;
        case 'removal-held':
          heldRemoval = event.why;
          return;
        case 'removal-released':
          heldRemoval = undefined;
          return;
        case 'source':
        case 'changes':
        case 'quarantined':
        case 'released':
        case 'lease':
        case 'health-check-failed':
          return;
      }
    },
    status: () => ({
      ...{ node: facts.node, mode: facts.mode, nowMs: clock.nowMs(), startedMs, waitingFor },
      ...(heldRemoval !== undefined && { held: heldRemoval }),
      problems: [...nodeProblems, ...problems, ...leaseProblems],
      sources: facts.sources().map((source) => ({ ...source, cluster: source.cluster ?? 'local' })),
      clusters: clustersOf(facts.clusters(), held),
      families: [...families.values()].sort((a, b) => compareText(a.family, b.family)),
      services: [...services.values()].flat().map(describeService),
    }),
    shares: () => ({ mode: facts.mode, ...askedJson([...services.values()].flat().map(askedOf)) }),
  };
}

const unsynced: Omit<FamilyStatus, 'family'> = {
  syncedMs: undefined,
  durationMs: undefined,
  failure: undefined,
  drifts: 0,
  lastDrift: undefined,
  quarantined: [],
};

function worthSaying(diagnostics: readonly Diagnostic[]): string[] {
  return diagnostics.filter(({ severity }) => severity !== 'info').map(formatDiagnostic);
}

function clustersOf(standings: readonly ClusterStanding[], held: ReadonlyMap<string, number>): ClusterStatus[] {
  const registered = new Set<string>(standings.map(({ cluster }) => cluster));
  const others = [...held].filter(([cluster]) => !registered.has(cluster)).sort(([a], [b]) => compareText(a, b));
  return [
    ...standings.map((standing) => ({ ...standing, heldSlices: held.get(standing.cluster) ?? 0 })),
    ...others.map(([cluster, heldSlices]): ClusterStatus => {
      return { cluster, state: 'unregistered', why: 'not in the registry', ageMs: undefined, heldSlices };
    }),
  ];
}

/** isCounted   it belongs to a drift that was counted before */
function drifted(before: FamilyStatus | undefined, what: string, isCounted: boolean): Partial<FamilyStatus> {
  return { drifts: (before?.drifts ?? 0) + (isCounted ? 0 : 1), lastDrift: what };
}

function describeDrift({ chains }: Extract<AgentEvent, { kind: 'drift' }>): string {
  return chains
    .map(({ where, lost, added, stays }) =>
      stays === true ? `${where}: ${added.join(', ')}` : `${where}: ${lost.length} lost, ${added.length} added`,
    )
    .join('; ');
}

function describeService(service: ServicePortIR): ServiceStatus {
  const endpoints: Record<string, number> = {};
  const pool = service.pools.cluster.length > 0 ? service.pools.cluster : service.pools.local;
  for (const { cluster } of pool) endpoints[cluster ?? 'local'] = (endpoints[cluster ?? 'local'] ?? 0) + 1;
  return {
    id: service.id,
    frontends: service.frontends.map(frontendText),
    endpoints,
    refuses: refusedBy(service.internal),
    refusesOutside: refusedBy(service.external),
  };
}

function refusedBy({ kind }: ServicePortIR['internal']): string | undefined {
  return kind === 'forward' ? undefined : kind;
}
