import { frontendText, kindsText } from '../../backends/planning/facts.ts';
import { type Fate, isForward, isSpreadAlike } from '../../backends/planning/fate.ts';
import type { ClientFates } from '../../backends/planning/side.ts';
import type { FrontendChange } from '../../backends/planning/traffic.ts';
import { compareText } from '../../compiler/values/names.ts';
import {
  briefText,
  type ClusterOf,
  describeFates,
  fact,
  factsOf,
  fateText,
  inGuard,
  sameWords,
  type Sign,
  signOf,
  spreadChanges,
} from './fact-texts.ts';
import { type Fact, foldLine } from './fold.ts';

/** What the clients of a frontend will notice, or of several frontends of one Service port that change alike. */
export interface FrontendSentence {
  readonly service: string;
  readonly sign: Sign;
  /** All facts, in full. */
  readonly text: string;
  /** The sign, the Service and the facts that fit: bounded, however many facts there are. */
  readonly line: string;
  /** What happens to each kind of client. */
  readonly details: readonly string[];
}

/** By Service and port. Frontends of one port that change alike share a sentence. */
export function describeChanges(changes: readonly FrontendChange[], clusterOf: ClusterOf): FrontendSentence[] {
  const byPort = [...Map.groupBy(changes, ({ servicePort }) => servicePort)].sort(([a], [b]) => compareText(a, b));
  return byPort.flatMap(([servicePort, ofPort]) => {
    const { moves, rest } = pairMoves(ofPort);
    return [
      ...groupAlike(rest).map((alike) =>
        sentence(
          servicePort,
          alike.map(frontendOf),
          signOf(alike[0]),
          alike[0],
          factsOf(alike[0], clusterOf),
          clusterOf,
        ),
      ),
      ...moves.map((move) =>
        sentence(servicePort, [frontendOf(move.to)], '~', move.to, moveFacts(move, clusterOf), clusterOf),
      ),
    ];
  });
}

const frontendOf = ({ frontend }: FrontendChange): string => frontendText(frontend);

function sentence(
  servicePort: string,
  frontends: readonly string[],
  sign: Sign,
  change: FrontendChange,
  facts: readonly Fact[],
  clusterOf: ClusterOf,
): FrontendSentence {
  const [service = servicePort, port = ''] = servicePort.split(':');
  return {
    service,
    sign,
    text: `${port === '' ? '' : `${port} `}${frontends.join(', ')}: ${facts.map(({ whole }) => whole).join('; ')}`,
    line: foldLine({ sign, service, port, frontends, facts }),
    details: detailsOf(change, clusterOf),
  };
}

/** A removed frontend and a new one of the same kind are reported as one that moves. */
interface Move {
  readonly from: FrontendChange;
  readonly to: FrontendChange;
}

function pairMoves(changes: readonly FrontendChange[]): { moves: readonly Move[]; rest: readonly FrontendChange[] } {
  const moving = changes.filter((change) => signOf(change) === '+' || signOf(change) === '-');
  const alike = Map.groupBy(moving, ({ frontend: { kind, protocol } }) => `${kind} ${protocol}`);
  const moves = [...alike.values()].flatMap((found): Move[] => {
    const [[from, ...gone], [to, ...come]] = [
      found.filter((change) => signOf(change) === '-'),
      found.filter((change) => signOf(change) === '+'),
    ];
    return from === undefined || to === undefined || gone.length + come.length > 0 ? [] : [{ from, to }];
  });
  const moved = new Set(moves.flatMap(({ from, to }) => [from, to]));
  return { moves, rest: changes.filter((change) => !moved.has(change)) };
}

type Alike = readonly [FrontendChange, ...FrontendChange[]];

/** Groups in the order of their first members. */
function groupAlike(changes: readonly FrontendChange[]): Alike[] {
  const groups: [FrontendChange, ...FrontendChange[]][] = [];
  for (const change of changes) {
    const group = groups.find(([first]) => isAlike(first, change));
    if (group === undefined) groups.push([change]);
    else group.push(change);
  }
  return groups;
}

function isAlike(a: FrontendChange, b: FrontendChange): boolean {
  const sign = signOf(a);
  if (sign !== signOf(b) || sameWords(a) !== sameWords(b)) return false;
  if (sign === '=') return true;
  return (
    isSpreadAlike(a.before, b.before) &&
    isSpreadAlike(a.after, b.after) &&
    spreadChanges(a).length === spreadChanges(b).length
  );
}

function moveFacts({ from, to }: Move, clusterOf: ClusterOf): Fact[] {
  const moved = fact(`moved from ${frontendText(from.frontend)}`);
  if (from.before.kind === 'accept' && to.after.kind === 'accept') return [moved];
  if (isSpreadAlike(from.before, to.after)) return [moved, fact(fateText(to.after, clusterOf), briefText(to.after))];
  return [moved, describeFates(from.before, to.after, clusterOf)];
}

/** `outside clients (198.51.100.77): 2 endpoints: local 100 %, node's address → dropped: no local endpoints`. */
function detailsOf(change: FrontendChange, clusterOf: ClusterOf): string[] {
  const { clients, elsewhere } = change;
  const groups: ClientFates[][] = [];
  for (const one of [...clients, ...elsewhere]) {
    const group = groups.find(
      ([first]) =>
        first?.before === one.before &&
        first.after === one.after &&
        first.client.kind === one.client.kind &&
        first.at === one.at,
    );
    if (group === undefined) groups.push([one]);
    else group.push(one);
  }
  return groups.flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { client, at, before, after } = first;
    const where = at === undefined ? '' : ` at ${at}`;
    const others = group.reduce((sum, one) => sum + one.client.alike.length, -1);
    const more = others === 0 ? '' : ` and ${others} more`;
    const [was, is] = [withAddress(before, clusterOf), withAddress(after, clusterOf)];
    const fates = inGuard(change, was === is ? `as before, ${is}` : `${was} → ${is}`);
    return [`${kindsText([client.kind])} (${client.source}${more})${where}: ${fates}`];
  });
}

function withAddress(fate: Fate, clusterOf: ClusterOf): string {
  const text = fateText(fate, clusterOf);
  if (!isForward(fate) || fate.masqueraded.size === 0) return text;
  const all = fate.masqueraded.size === fate.shares.size;
  return `${text}, ${all ? "with the node's address" : `with the node's address at ${fate.masqueraded.size}`}`;
}
