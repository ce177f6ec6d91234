import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadAll } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { parseRegistry } from '../../agent/input/registry.ts';
import { createField, type Field } from '../../controller/settle.fixture.ts';
import { isKarmadas, isOurs } from '../../controller/core/marks.ts';
import { parseHeld } from '../../controller/core/object.ts';
import { hub, type Target } from '../../controller/core/world.ts';
import { kinds } from '../../controller/core/kinds.ts';
import { pathOf } from '../../controller/observe.ts';
import { compile } from '../../compiler/index.ts';
import { endpointText } from '../../compiler/ir/ir.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import { parseCidr } from '../../compiler/values/address.ts';
import { type ClusterName, parseClusterName } from '../../compiler/values/names.ts';
import { node } from '../helpers/kubernetes.ts';
import { type Member, members, readSteps, type Step } from '../multicluster/captures.ts';

/**
 * For every settled step of the captures: the user's objects in the hub, and what each member's own controllers and
 * users made. From these the controller fills the members, and what a node of each makes of that is compared with what
 * it makes of what Karmada wrote there.
 */

const captures = fileURLToPath(new URL('../multicluster/captures/', import.meta.url));
const steps = readSteps();
/** By these names a node knows whose Karmada's slices are. */
const registry = parseRegistry(
  { apiVersion: 'slicewright.dev/v1alpha1', kind: 'ClusterRegistry', clusters: members.map((id) => ({ id })) },
  'registry.yaml',
);

type Manifest = {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
};

function hubObjects(step: string): readonly Manifest[] {
  const [list] = loadAll(readFileSync(`${captures}${step}/hub.yaml`, 'utf8')) as [
    { readonly items: readonly Manifest[] },
  ];
  // What Karmada made there is not the user's.
  return list.items.filter((object) => !isOfKarmada(object));
}

function isOfKarmada(object: unknown): boolean {
  const { apiVersion, kind } = object as Manifest;
  const held = parseHeld(object, apiVersion, kind);
  return held !== undefined && isKarmadas(held);
}

/** What is in a member without Karmada: native slices, those made by hand, Services of its own users. */
function ownObjects(objects: readonly unknown[]): readonly Manifest[] {
  return (objects as readonly Manifest[]).filter((object) => !isOfKarmada(object));
}

/** Before Karmada took it over, so that its own user's word for it is gone from the capture. */
const userService = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'taken', namespace: 'default', labels: { owner: 'local-team' } },
  spec: { clusterIP: '10.15.99.1', ports: [{ port: 81, targetPort: 8181 }], selector: { app: 'something-else' } },
};

const namespaces = ['default', 'karmada-system'].map((name) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name },
}));

function emptyField(addresses: ReadonlyMap<string, object>): Field {
  const field = createField(members, { addressesOf: (target, name) => addresses.get(`${target} ${name}`) });
  for (const target of [hub, ...members]) field.put(target as ClusterName, ...namespaces);
  return field;
}

/** The field as the step's users and members leave it; what the controller wrote before stays. */
function advance(field: Field, step: Step, addresses: Map<string, object>): void {
  for (const member of members) {
    for (const { metadata, spec } of step.lastSeen[member].services) {
      const { clusterIP, clusterIPs, ipFamilies } = spec as unknown as Record<string, unknown>;
      if (clusterIP !== undefined) addresses.set(`${member} ${metadata.name}`, { clusterIP, clusterIPs, ipFamilies });
    }
  }
  replaceOwn(
    field,
    hub,
    hubObjects(step.name).filter(({ kind }) => kind !== 'Deployment'),
  );
  for (const member of members) {
    const cache = field.caches.get(parseClusterName(member) as ClusterName);
    // Some were made anew in between, and every cluster chooses its addresses.
    for (const held of cache?.all(kinds.service).filter(isOurs) ?? []) {
      const spec = { ...(held.fields.spec as object), ...addresses.get(`${member} ${held.name}`) };
      cache?.change(kinds.service, pathOf(held), { ...held, fields: { ...held.fields, spec } });
    }
    const isUp = step.members[member] !== undefined;
    for (const kind of [kinds.service, kinds.slice, kinds.namespace]) cache?.reading(kind, isUp ? 'live' : 'failing');
    const own = ownObjects(step.lastSeen[member].objects);
    const isTaken = member === 'member3' && /collision/.test(step.name);
    replaceOwn(field, parseClusterName(member) as ClusterName, isTaken ? [...own, userService] : own);
  }
}

function replaceOwn(field: Field, target: Target, objects: readonly Manifest[]): void {
  for (const kind of [
    kinds.service,
    kinds.slice,
    kinds.serviceExport,
    kinds.serviceImport,
    kinds.multiClusterService,
    kinds.policy,
  ]) {
    for (const object of field.caches.get(target)?.all(kind) ?? []) {
      if (!isOurs(object)) field.remove(target, kind, pathOf(object));
    }
  }
  field.put(target, ...objects);
}

interface Offered {
  readonly id: string;
  readonly hash: string;
  readonly endpoints: readonly string[];
}

/** What a node of a member serves of the given objects; its hash says all that a backend is told. */
function offered(member: Member, objects: readonly unknown[]): readonly Offered[] {
  const i = members.indexOf(member);
  const name = `${member}-control-plane`;
  const here = node(name, { zone: `m${i + 1}-zone-a`, addresses: [`172.18.0.${3 + i}`] });
  const { services } = compile({
    clusters: [{ cluster: undefined, objects: [...objects, here] }],
    settings: {
      ...defaultSettings,
      ownCluster: parseClusterName(member),
      clusterCidrs: [`10.${10 + 2 * i}.0.0/16`, `fd00:10:${10 + 2 * i}::/48`]
        .map(parseCidr)
        .filter((cidr) => cidr !== undefined),
    },
    registry,
    nodeName: name,
    localAddresses: undefined,
  });
  return [...services.IPv4, ...services.IPv6].map(({ id, hash, pools }) => ({
    id,
    hash,
    endpoints: pools.cluster.map((each) => `${each.cluster ?? member} ${endpointText(each)}`),
  }));
}

/** Where the outcome differs from what Karmada 1.9 left, on purpose. */
interface Deviation {
  readonly steps: RegExp;
  /** `member3 default/old/TCP/IPv4` */
  readonly served: RegExp;
  readonly why: string;
}

const deviations: readonly Deviation[] = [
  {
    steps: /^5-.*\/0[2-5]/,
    served: /^member[23] default\/web\/TCP/,
    why: 'slices of a member that cannot be reached stay, as in Karmada since 1.14; Leases tell agents that it is lost',
  },
  {
    steps: /^5-.*\/06/,
    served: /^member2 default\/derived-exp\/TCP/,
    why: 'Karmada still evicted the export when it captured this: 40 s later it was back',
  },
  {
    steps: /^6-.*\/1[12]/,
    served: /^member2 default\/static:http\/TCP/,
    why: 'a copy deleted by hand is restored; Karmada leaves it away',
  },
  {
    steps: /^7-.*\/01/,
    served: /^member3 default\/old\/TCP/,
    why: 'fields of Karmada 1.8 count: member3 is neither provider nor consumer',
  },
  {
    steps: /^7-.*\/0[3-6]/,
    served: /^member[12] default\/old\/TCP/,
    why: 'a Service that only its MultiClusterService wanted goes with it; Karmada leaves it behind',
  },
  {
    steps: /^7-.*\/04/,
    served: /^member3 default\/derived-both\/TCP/,
    why: 'an exporter does not pass on what was dispatched to it',
  },
  {
    steps: /^7-.*\/0[56]/,
    served: /^member2 default\/both\/TCP/,
    why: 'dispatched slices go with their MultiClusterService; Karmada leaves one behind',
  },
  {
    steps: /^7-.*\/05/,
    served: /^member3 default\/web\/TCP/,
    why: "member1's slice of another Service was missing in member3 for a moment",
  },
  {
    steps: /^7-.*\/06/,
    served: /^member3 default\/taken\/TCP/,
    why: 'a Service that the member had before stays as it is (CC-9); Karmada overwrites it',
  },
];

function isDeviation(step: string, member: Member, id: string): boolean {
  return deviations.some(({ steps: which, served }) => which.test(step) && served.test(`${member} ${id}`));
}

/** Every step after the one before it, as one controller would live through them. */
function play(scenario: readonly Step[]) {
  const addresses = new Map<string, object>();
  const field = emptyField(addresses);
  return scenario.map((step) => {
    advance(field, step, addresses);
    const { withheld } = field.settle();
    const up = members.filter((member) => step.members[member] !== undefined);
    return {
      name: step.name,
      withheld,
      again: field.settle().writes,
      made: new Map(
        up.map((member) => [member, offered(member, field.objects(parseClusterName(member) as ClusterName))]),
      ),
      karmada: new Map(up.map((member) => [member, offered(member, step.members[member]?.objects ?? [])])),
      fresh: freshly(step),
      objects: madeNames(field),
    };
  });
}

/** What a controller that starts at this step makes of it. */
function freshly(step: Step): readonly string[] {
  const addresses = new Map<string, object>();
  const field = emptyField(addresses);
  advance(field, step, addresses);
  field.settle();
  return madeNames(field);
}

function madeNames(field: Field): readonly string[] {
  return [...field.caches].flatMap(([target, cache]) =>
    [kinds.service, kinds.slice, kinds.serviceExport, kinds.serviceImport]
      .flatMap((kind) => cache.all(kind).filter(isOurs))
      .map(
        (object) => `${target} ${object.kind} ${pathOf(object)} ${object.annotations.get('slicewright.dev/content')}`,
      )
      .sort(),
  );
}

const scenarios = Map.groupBy(steps, ({ name }) => name.slice(0, name.indexOf('/')));

describe.each([...scenarios])('%s', (_name, scenario) => {
  const played = play(scenario);

  it.each(played)('$name: comes to rest, and then writes nothing more', ({ again }) => {
    expect(again).toEqual([]);
  });

  it.each(played.filter(({ name }) => !/down|scale-while/.test(name)))(
    '$name: has what a controller makes that starts now, and no more',
    ({ objects, fresh, withheld }) => {
      expect(objects).toEqual(fresh);
      expect(withheld).toEqual([]);
    },
  );

  const compared = played.flatMap(({ name, made, karmada }) =>
    [...made].map(([member, ours]) => ({ name, member, ours, theirs: karmada.get(member) ?? [] })),
  );
  it.each(compared)('$name: $member compiles to the same program', ({ name, member, ours, theirs }) => {
    const compares = ({ id }: Offered) => !isDeviation(name, member, id);
    expect(ours.filter(compares)).toEqual(theirs.filter(compares));
  });

  const named = deviations.filter(({ steps: which }) => scenario.some(({ name }) => which.test(name)));
  it.runIf(named.length > 0).each(named)('differs where it says so: $why', ({ steps: which, served }) => {
    const differing = compared
      .filter(({ name }) => which.test(name))
      .flatMap(({ member, ours, theirs }) => {
        const [left, right] = [ours, theirs].map((all) => new Map(all.map(({ id, hash }) => [id, hash])));
        const ids = new Set([...(left?.keys() ?? []), ...(right?.keys() ?? [])]);
        return [...ids].filter((id) => left?.get(id) !== right?.get(id) && served.test(`${member} ${id}`));
      });
    expect(differing.length).toBeGreaterThan(0);
  });
});
