import { asFields, type Fields } from '../../compiler/model/fields.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import { sentences } from './conditions.ts';
import type { Draft } from './draft.ts';
import { exportFacts, reportExport } from './export-status.ts';
import { idIn, idText, kinds } from './kinds.ts';
import { effective } from './members.ts';
import { karmadaDerivedName } from './names.ts';
import type { Held } from './object.ts';
import { collectableSlices, copyOf, isFedByKarmada } from './slices.ts';
import { hub, problemKey, type Target } from './world.ts';

/**
 * Imports that users write (Karmada's way): each cluster with a ServiceImport of type ClusterSetIP gets a Service
 * `derived-<name>` with the import's ports, and the slices of every cluster with a ServiceExport, its own among them.
 * A hub gets copies of the slices, and the derived Service, as Karmada's control plane has them.
 */
export function desireKarmadaImports(draft: Draft, namespace: string, name: string): void {
  const { world } = draft;
  const exports = effective(draft, kinds.serviceExport, namespace, name);
  const imports = effective(draft, kinds.serviceImport, namespace, name);
  const facts = exportFacts(world, exports, namespace, name);
  const offered = facts.filter(({ isValid }) => isValid).map(({ cluster }) => cluster);
  const derived = karmadaDerivedName(name);
  const template = world.hub?.get(idIn(kinds.serviceImport, namespace, name));
  for (const [cluster, object] of imports) {
    feedImport(draft, cluster, object, { offered, derived, template });
  }
  if (world.hub !== undefined && derived !== undefined) {
    if (template !== undefined && isClusterSetIp(template) && !template.isDeleting) {
      draft.want(hub, derivedService(template, derived));
    }
    sendSlices(draft, hub, `${namespace}/${name}`, derived, offered);
  }
  for (const fact of facts) reportExport(draft, fact, { conflicts: [], conflictMessage: '' });
}

function feedImport(
  draft: Draft,
  cluster: ClusterName,
  object: Held,
  {
    offered,
    derived,
    template,
  }: {
    readonly offered: readonly ClusterName[];
    readonly derived: string | undefined;
    readonly template: Held | undefined;
  },
): void {
  // Events are sent to the cluster where the user wrote the import.
  const target: Target = template === undefined ? cluster : hub;
  const tell = (type: 'Normal' | 'Warning', reason: string, message: string) =>
    draft.event({ target, id: template ?? object, type, reason, message });
  if (!isClusterSetIp(object)) {
    return tell(
      'Warning',
      'ImportIgnored',
      `${cluster}: only imports of type ClusterSetIP get a derived Service; this one is ${String(asFields(object.fields.spec)?.type)}.`,
    );
  }
  if (derived === undefined) {
    const message = `${cluster}: a Service derived-${object.name} would have a name of more than 63 characters; the import may have at most 55.`;
    return tell('Warning', 'SyncDerivedServiceFailed', message);
  }
  const key = `${object.namespace}/${derived}`;
  const view = draft.viewOf(cluster);
  if (view !== undefined && isFedByKarmada(view, key)) {
    return tell('Warning', 'TwoDispatchers', `${cluster}: Karmada imports this Service; the controller does nothing.`);
  }
  const service = derivedService(object, derived);
  const isPlaced = draft.want(cluster, service);
  const id = idIn(kinds.service, object.namespace, derived);
  const problem =
    draft.world.problems.get(problemKey(cluster, idText(id))) ??
    sentences(
      draft
        .refusals()
        .filter((each) => each.target === cluster && idText(each.id) === idText(id))
        .map(({ message }) => message),
    );
  if (problem !== '') tell('Warning', 'SyncDerivedServiceFailed', `${cluster}: ${problem}`);
  else tell('Normal', 'SyncDerivedServiceSucceed', `Service ${derived} is derived from the import.`);
  if (isPlaced) sendSlices(draft, cluster, `${object.namespace}/${object.name}`, derived, offered);
}

function isClusterSetIp(object: Held): boolean {
  return asFields(object.fields.spec)?.type === 'ClusterSetIP';
}

function sendSlices(draft: Draft, target: Target, key: string, derived: string, offered: readonly ClusterName[]): void {
  const { world } = draft;
  const [namespace = '', name = ''] = key.split('/');
  for (const source of offered) {
    const from = world.members.get(source);
    if (from === undefined) continue;
    const service = from.get(idIn(kinds.service, namespace, name));
    for (const slice of collectableSlices(from, key)) {
      const consumer = target === hub ? undefined : target;
      const facts = { service, keepNodeNames: world.settings.keepNodeNames };
      draft.want(target, copyOf(slice, source, consumer, { service: derived, prefix: 'imported-' }, facts), { source });
    }
  }
}

/** Ports and affinity come from the import; each cluster chooses everything else. */
function derivedService(object: Held, derived: string): Fields {
  const spec = asFields(object.fields.spec) ?? {};
  const ports = Array.isArray(spec.ports) ? spec.ports.map((port) => importedPort(asFields(port) ?? {})) : [];
  const isSticky = spec.sessionAffinity === 'ClientIP';
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: derived, namespace: object.namespace },
    spec: {
      type: 'ClusterIP',
      ports,
      ...(isSticky ? { sessionAffinity: 'ClientIP' } : {}),
      ...(isSticky && asFields(spec.sessionAffinityConfig) !== undefined
        ? { sessionAffinityConfig: spec.sessionAffinityConfig }
        : {}),
    },
  };
}

function importedPort({ name, protocol, port, appProtocol }: Fields): Fields {
  return {
    ...(typeof name === 'string' && name !== '' ? { name } : {}),
    protocol: protocol ?? 'TCP',
    port,
    ...(typeof appProtocol === 'string' ? { appProtocol } : {}),
  };
}
