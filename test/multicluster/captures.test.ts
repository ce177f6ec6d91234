import { describe, expect, it } from 'vitest';
import { parseRegistry } from '../../agent/input/registry.ts';
import type { Compilation } from '../../compiler/compile.ts';
import { compile } from '../../compiler/index.ts';
import { endpointText } from '../../compiler/ir/ir.ts';
import type { Registry } from '../../compiler/registry/registry.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import { parseCidr } from '../../compiler/values/address.ts';
import { type ClusterName, parseClusterName } from '../../compiler/values/names.ts';
import { one, sumRationals } from '../../compiler/values/rational.ts';
import { node } from '../helpers/kubernetes.ts';
import { type Member, members, readSteps, type Snapshot } from './captures.ts';
import { expectedEndpoints, originOf } from './expected.ts';

const steps = readSteps();
const registry = parseRegistry(
  {
    apiVersion: 'slicewright.dev/v1alpha1',
    kind: 'ClusterRegistry',
    strictCIDR: true,
    clusters: members.map((id, i) => ({
      id,
      podCIDRs: [`10.${10 + 2 * i}.0.0/16`, `fd00:10:${10 + 2 * i}::/48`],
      serviceCIDRs: [`10.${11 + 2 * i}.0.0/16`, `fd00:10:${11 + 2 * i}::/108`],
    })),
  },
  'registry.yaml',
);

function compileFor(member: Member, { objects }: Snapshot, known: Registry = registry): Compilation {
  const i = members.indexOf(member);
  const name = `${member}-control-plane`;
  const here = node(name, { zone: `m${i + 1}-zone-a`, addresses: [`172.18.0.${3 + i}`] });
  const clusterCidrs = [parseCidr(`10.${10 + 2 * i}.0.0/16`), parseCidr(`fd00:10:${10 + 2 * i}::/48`)];
  return compile({
    clusters: [{ cluster: undefined, objects: [...objects, here] }],
    settings: {
      ...defaultSettings,
      ownCluster: parseClusterName(member),
      clusterCidrs: clusterCidrs.filter((cidr) => cidr !== undefined),
    },
    registry: known,
    nodeName: name,
    localAddresses: undefined,
  });
}

describe.each(steps)('$name', (step) => {
  const up = members.flatMap((member) => {
    const snapshot = step.members[member];
    return snapshot === undefined ? [] : [{ member, snapshot, compilation: compileFor(member, snapshot) }];
  });

  it.each(up)('$member knows where every endpoint runs', ({ member, snapshot, compilation }) => {
    const found = new Map(compilation.endpoints.map(({ slice, cluster }) => [slice.name, cluster ?? member]));
    const named = snapshot.slices.filter(({ metadata }) => found.has(metadata.name));
    const expected = new Map<string, ClusterName | Member>(
      named.map((slice) => [slice.metadata.name, originOf(slice, member, step).cluster]),
    );
    expect(found).toEqual(expected);
  });

  it.each(up)('$member sends connections to what the providers have', ({ member, snapshot, compilation }) => {
    const ports = [...compilation.services.IPv4, ...compilation.services.IPv6];
    for (const ir of ports) {
      const service = snapshot.services.find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === ir.service);
      if (service === undefined) throw new Error(`${ir.service} is no Service of ${member}`);
      const usable = compilation.endpoints.filter(
        (record) =>
          record.service === ir.service &&
          record.portName === ir.portName &&
          record.protocol === ir.protocol &&
          record.family === ir.family,
      );
      const chosen = usable.filter(
        ({ inPools, reasons }) => inPools.cluster || reasons.some(({ rule }) => rule === 'MR-43' || rule === 'MR-44'),
      );
      expect(chosen.map(endpointText).sort(), ir.id).toEqual(
        expectedEndpoints(service, ir.portName, ir.protocol, ir.family, member, step),
      );
      if (ir.pools.cluster.length > 0) expect(sumRationals(usable.map(({ share }) => share))).toEqual(one);
    }
    expect(ports.length).toBeGreaterThan(0);
  });
});

describe('member1 unreachable', () => {
  const lost: Registry = {
    ...registry,
    clusters: registry.clusters.map((cluster) => (cluster.id === 'member1' ? { ...cluster, state: 'Lost' } : cluster)),
  };

  it.each(steps.filter(({ name }) => /member1-down/.test(name)))(
    '$name: where that is known, its stale import is for when nothing else is ready',
    ({ members: { member2 } }) => {
      if (member2 === undefined) throw new Error('member2 is up');
      const poolOf = (known: Registry) =>
        compileFor('member2', member2, known)
          .services.IPv4.find(({ service }) => service === 'default/derived-exp')
          ?.pools.cluster.map(({ cluster }) => cluster);
      expect(poolOf(registry)).toEqual(['member1', 'member1', 'member3']);
      expect(poolOf(lost)).toEqual(['member3']);
    },
  );
});

it('recognises its own cluster by what Karmada applied to it, without being told', () => {
  const applied = steps.flatMap(({ members: all }) =>
    members.flatMap((member) => {
      const count = all[member]?.objects.filter((object) => isAppliedTo(object, member)).length ?? 0;
      return count >= 2 ? [{ member, objects: all[member]?.objects ?? [] }] : [];
    }),
  );
  expect(applied.length).toBeGreaterThan(50);
  for (const { member, objects } of applied) {
    const compilation = compile({
      clusters: [{ cluster: undefined, objects }],
      settings: defaultSettings,
      nodeName: undefined,
      localAddresses: undefined,
    });
    const returned = compilation.endpoints.filter(({ slice }) => new RegExp(`^imported-${member}-`).test(slice.name));
    expect(returned.map(({ cluster }) => cluster)).toEqual(returned.map(() => undefined));
    expect(compilation.diagnostics.map(({ code }) => code)).not.toContain('own-cluster-unknown');
  }
});

/** A Service, or a slice that no native controller copied labels to. */
function isAppliedTo(object: unknown, member: Member): boolean {
  const { metadata } = object as { readonly metadata: { readonly labels?: Labels; readonly annotations?: Labels } };
  const key = 'work.karmada.io/namespace';
  const isNative = metadata.labels?.['endpointslice.kubernetes.io/managed-by']?.endsWith('k8s.io') ?? false;
  return !isNative && (metadata.annotations?.[key] ?? metadata.labels?.[key]) === `karmada-es-${member}`;
}

type Labels = Readonly<Record<string, string>>;
