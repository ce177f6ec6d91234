import type { ApiDouble } from '../apiserver/double.ts';
import { cutLines, type Faults, noFaults, refuse, swapLines } from '../apiserver/faults.ts';
import { mcsGroup } from './faults.fixture.ts';
import { type Member, members } from './fleet.ts';

type Doubles = Readonly<Record<Member, ApiDouble>>;

const kinds = ['services', 'endpointslices', 'serviceexports', 'nodes'] as const;
type Plural = (typeof kinds)[number];

/** The faults that one kind of an API server can have. {@link endFaults} ends all of them. */
const faults: Readonly<Record<string, (double: ApiDouble, plural: Plural) => Faults>> = {
  'cuts streams': (double, plural) => {
    double.cutStreams(plural);
    return noFaults;
  },
  'forgets its history': (double) => {
    double.store.compact();
    double.cutStreams();
    return noFaults;
  },
  'is away': (double) => {
    double.cutStreams();
    return { beforeAnswer: (_url, response) => void response.destroy() };
  },
  'is slow to answer': (double, plural) => {
    double.cutStreams(plural);
    return { beforeAnswer: () => new Promise((resolve) => setTimeout(resolve, 700)) };
  },
  'does not take our token': (double) => {
    double.tokens.clear();
    double.cutStreams();
    return noFaults;
  },
  'refuses a kind': (double, plural) => {
    double.cutStreams(plural);
    return { forbidden: [plural] };
  },
  'answers 410 to a kind': (double, plural) => {
    double.cutStreams(plural);
    return { beforeAnswer: (url, response) => (isOf(url, plural) ? refuse(response, 410, 'too old') : undefined) };
  },
  'is too busy for a kind': (double, plural) => {
    double.cutStreams(plural);
    const header = { 'retry-after': '1' };
    return { beforeAnswer: (url, response) => (isOf(url, plural) ? refuse(response, 429, 'busy', header) : undefined) };
  },
  'does not know its CRDs for a moment': (double) => {
    double.installed.delete(mcsGroup);
    double.cutStreams('serviceexports');
    return noFaults;
  },
  'tells events twice': () => ({ onEventLine: (line, response) => void response.write(line + line) }),
  'tells events in another order': () => ({ onEventLine: swapLines(50) }),
  'tells events late': () => ({ onEventLine: (line, response) => void setTimeout(() => response.write(line), 200) }),
  'is cut off in the middle of events': () => ({ onEventLine: cutLines(7) }),
  'sends bookmarks all the time': (double, plural) => {
    double.cutStreams(plural);
    return { bookmarkMs: 20 };
  },
};

function isOf(url: URL, plural: Plural): boolean {
  return url.pathname.endsWith(`/${plural}`);
}

/** Ends earlier faults and starts another one, for one kind of one cluster. Returns its name. */
export function injectFault(doubles: Doubles, random: () => number): string {
  endFaults(doubles);
  const pick = <T>(values: readonly T[]): T => {
    const value = values[Math.floor(random() * values.length)];
    if (value === undefined) throw new Error('nothing to pick from');
    return value;
  };
  const [name, begin] = pick(Object.entries(faults));
  const [member, plural] = [pick(members), pick(kinds)];
  doubles[member].faults = begin(doubles[member], plural);
  return name;
}

export function endFaults(doubles: Doubles): void {
  for (const double of Object.values(doubles)) {
    double.faults = noFaults;
    double.tokens.set('secret', 'system:agent');
    double.installed.add(mcsGroup);
  }
}
