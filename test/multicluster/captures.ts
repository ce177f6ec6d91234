import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadAll } from 'js-yaml';

const root = fileURLToPath(new URL('captures/', import.meta.url));

export const members = ['member1', 'member2', 'member3'] as const;
export type Member = (typeof members)[number];

export interface RawEndpoint {
  readonly addresses: readonly string[];
  readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
}

export interface RawSlice {
  readonly kind: 'EndpointSlice';
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly addressType: string;
  readonly endpoints?: readonly RawEndpoint[] | null;
  readonly ports?: readonly { readonly name?: string; readonly port?: number; readonly protocol?: string }[] | null;
}

export interface RawService {
  readonly kind: 'Service';
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly spec: {
    readonly clusterIP?: string;
    readonly ipFamilies?: readonly string[];
    readonly ports: readonly { readonly name?: string; readonly protocol?: string }[];
  };
}

export interface Snapshot {
  readonly objects: readonly unknown[];
  readonly slices: readonly RawSlice[];
  readonly services: readonly RawService[];
}

export interface Step {
  /** `1-mcs-crosscluster-default/03-backend-also-member2`. */
  readonly name: string;
  /** undefined: its API server was stopped. */
  readonly members: Readonly<Record<Member, Snapshot | undefined>>;
  /** As above, or the last snapshot: the state that Karmada has of a member that is stopped. */
  readonly lastSeen: Readonly<Record<Member, Snapshot>>;
}

/** Captured while changes were still under way, as the record of these steps says. */
const unsettled: ReadonlySet<string> = new Set([
  '1-mcs-crosscluster-default/02-mcs-created',
  '6-field-survival/03-zones-hints',
]);

const nothing: Snapshot = { objects: [], slices: [], services: [] };

/** Every settled step of every scenario, in order. */
export function readSteps(): Step[] {
  const steps: Step[] = [];
  for (const scenario of readdirSync(root).sort()) {
    let lastSeen: Step['lastSeen'] = { member1: nothing, member2: nothing, member3: nothing };
    for (const step of readdirSync(`${root}${scenario}`).sort()) {
      const name = `${scenario}/${step}`;
      const [member1, member2, member3] = members.map((member) => snapshot(name, member));
      lastSeen = {
        member1: member1 ?? lastSeen.member1,
        member2: member2 ?? lastSeen.member2,
        member3: member3 ?? lastSeen.member3,
      };
      if (!unsettled.has(name)) steps.push({ name, members: { member1, member2, member3 }, lastSeen });
    }
  }
  return steps;
}

function snapshot(step: string, member: Member): Snapshot | undefined {
  const list = readList(`${root}${step}/${member}.yaml`);
  if (list === undefined) return undefined;
  const extra = `${root}${step}/${member}.mcs.yaml`;
  const objects = [...list, ...(existsSync(extra) ? (readList(extra) ?? []) : [])];
  const kindOf = (object: unknown) => (object as { readonly kind: string }).kind;
  return {
    objects,
    slices: objects.filter((object): object is RawSlice => kindOf(object) === 'EndpointSlice'),
    services: objects.filter((object): object is RawService => kindOf(object) === 'Service'),
  };
}

function readList(file: string): readonly unknown[] | undefined {
  const [list] = loadAll(readFileSync(file, 'utf8')) as ({ readonly items: readonly unknown[] } | null)[];
  return list?.items;
}
