import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { compareText } from '../../compiler/values/names.ts';
import { askBoth, packetsTo } from './asking.ts';
import { absent, endpointsOf, type Fate, isForward } from './fate.ts';
import type { ClientFates, FoundFrontend, Side } from './side.ts';

export interface FrontendChange {
  /** The owner after the change; before it, if the frontend goes. */
  readonly servicePort: string;
  readonly was: FoundFrontend | undefined;
  readonly is: FoundFrontend | undefined;
  /** `is`, or `was` when it goes. */
  readonly frontend: FoundFrontend;
  /** For the client that represents the frontend: one from outside; if a firewall lets some in, one of those. */
  readonly before: Fate;
  readonly after: Fate;
  /**
   * Every kind of client, those from outside first. If the frontend comes or goes, only as many as are needed to show
   * what it is or was.
   */
  readonly clients: readonly ClientFates[];
  /** Clients that dial a node port at other addresses of the node, where the rules may treat them differently. */
  readonly elsewhere: readonly ClientFates[];
  /** Some client reaches an endpoint of the Service port afterwards, at this frontend or at another one. */
  readonly isPortServed: boolean;
}

/**
 * Every frontend whose rules differ, by what clients dial, with what happens to them in both programs. A change of rules
 * that changes nothing for new connections is in it too, with equal fates. Where the way to the frontends differs, each is
 * looked at, and those whose fate differs for some client are in it as well.
 *
 * Both programs are asked about the same clients: those that the rules of either can tell apart. So a network that only
 * one of them knows is asked of both. Their number grows with the networks that the rules name, not with endpoints.
 */
export function compareTraffic(before: Side, after: Side, node: NodeContext): FrontendChange[] {
  const keys = [...new Set([...before.frontends.keys(), ...after.frontends.keys()])].sort(compareText);
  const isEntryAlike = before.entry === after.entry;
  const unasked: FoundFrontend[] = [];
  const changes = keys.flatMap((key): Omit<FrontendChange, 'isPortServed'>[] => {
    const was = before.frontends.get(key);
    const is = after.frontends.get(key);
    const frontend = is ?? was;
    if (frontend === undefined) return [];
    const isAsBefore = was !== undefined && is !== undefined && isSaidAlike(was, is);
    if (isAsBefore && isEntryAlike) {
      unasked.push(is);
      return [];
    }
    const asked = askBoth({ before, after, was, is, node, isEntryAlike });
    if (isAsBefore && asked.every((one) => one.before === one.after)) return [];
    const clients = asked.filter(({ at }) => at === undefined);
    const told = tellingClient(clients);
    return [
      {
        servicePort: frontend.servicePort,
        ...{ was, is, clients },
        elsewhere: asked.filter(({ at }) => at !== undefined),
        frontend: is === undefined || was === undefined ? frontend : withKnownKind(is, was),
        before: told?.before ?? absent,
        after: told?.after ?? absent,
      },
    ];
  });
  const served = servedPorts(changes, unasked, after, node);
  return changes.map((change) => ({ ...change, isPortServed: served.has(change.servicePort) }));
}

function isSaidAlike(was: FoundFrontend, is: FoundFrontend): boolean {
  return was.rules === is.rules && was.servicePort === is.servicePort && was.affinitySeconds === is.affinitySeconds;
}

/** Rules that only refuse do not show which external address it is; the other side's rules may. */
function withKnownKind(is: FoundFrontend, was: FoundFrontend): FoundFrontend {
  return is.kind === 'external' && was.address !== undefined ? { ...is, kind: was.kind } : is;
}

/** The client that represents a frontend: the first that is served on both sides, else on one side, else the first of all. */
function tellingClient(clients: readonly ClientFates[]): ClientFates | undefined {
  const outside = clients.filter(({ client }) => client.kind === 'outside');
  return (
    outside.find(({ before, after }) => isForward(before) && isForward(after)) ??
    outside.find(({ after }) => isForward(after)) ??
    outside.find(({ before }) => isForward(before)) ??
    outside.find(({ before, after }) => before !== after) ??
    outside[0] ??
    clients[0]
  );
}

/** Service ports that a client reaches afterwards. At an unchanged frontend one client is asked, and only if it matters. */
function servedPorts(
  changes: readonly Omit<FrontendChange, 'isPortServed'>[],
  unasked: readonly FoundFrontend[],
  after: Side,
  node: NodeContext,
): ReadonlySet<string> {
  const served = new Set<string>();
  const doubtful = new Set<string>();
  for (const { servicePort, clients, elsewhere } of changes) {
    if ([...clients, ...elsewhere].some((one) => isForward(one.after))) served.add(servicePort);
    else doubtful.add(servicePort);
  }
  for (const frontend of unasked) {
    if (!doubtful.has(frontend.servicePort) || served.has(frontend.servicePort)) continue;
    const asked = packetsTo(frontend, undefined, frontend, node, true);
    if (asked.some(({ packet }) => ['forward', 'mixed'].includes(after.verdictOf(packet).kind)))
      served.add(frontend.servicePort);
  }
  return served;
}

/** How many endpoints new connections reach: each Service port counts its own. */
export function countReached(side: Side, node: NodeContext): number {
  const nothing: Side = { frontends: new Map(), entry: side.entry, verdictOf: () => ({ kind: 'untouched' }) };
  const reached = compareTraffic(side, nothing, node).flatMap(({ servicePort, before }) =>
    [...endpointsOf(before)].map((endpoint) => `${servicePort} ${endpoint}`),
  );
  return new Set(reached).size;
}
