import { asFields, type Fields, type TextMap } from '../../compiler/model/fields.ts';
import { isOfKind, kinds } from './kinds.ts';
import type { Held } from './object.ts';
import type { ControllerSettings } from './world.ts';

/** Prefixes of labels and annotations that say how somebody propagated the template, and nothing of what it is. */
const bookkeeping = [
  'slicewright.dev/part-of',
  'slicewright.dev/content',
  'slicewright.dev/managed',
  'slicewright.dev/adopt',
  'karmada.io/',
  'work.karmada.io/',
  'resourcebinding.karmada.io/',
  'clusterresourcebinding.karmada.io/',
  'resourcetemplate.karmada.io/',
  'propagationpolicy.karmada.io/',
  'clusterpropagationpolicy.karmada.io/',
  'multiclusterservice.karmada.io/',
  'policy.karmada.io/',
  'deployment.kubernetes.io/',
];

/** What of an object of the hub goes to members: its labels, annotations and content, and nothing that a cluster gave it. */
export function templateOf(object: Held, settings: ControllerSettings): Fields {
  const { status: _status, ...content } = object.fields;
  const labels = ownTexts(object.labels);
  const annotations = ownTexts(object.annotations);
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: {
      name: object.name,
      ...(object.namespace === undefined ? {} : { namespace: object.namespace }),
      ...(Object.keys(labels).length === 0 ? {} : { labels }),
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    },
    ...content,
    ...(isOfKind(object, kinds.service) ? { spec: serviceSpec(asFields(content.spec) ?? {}, settings) } : {}),
  };
}

function ownTexts(texts: TextMap): Readonly<Record<string, string>> {
  return Object.fromEntries([...texts].filter(([key]) => !bookkeeping.some((prefix) => key.startsWith(prefix))));
}

/**
 * A Service's spec without what each cluster gives it (CC-9). Of its families only what the user asks for stays: with
 * a preference each cluster chooses, and would take a list from the hub for a change.
 */
function serviceSpec(spec: Fields, { keepExternalIps }: ControllerSettings): Fields {
  const { clusterIP, clusterIPs: _ips, healthCheckNodePort: _port, externalIPs, ipFamilies, ...rest } = spec;
  const ports = Array.isArray(spec.ports) ? spec.ports.map((port) => withoutNodePort(asFields(port) ?? {})) : undefined;
  return {
    ...rest,
    ...(clusterIP === 'None' ? { clusterIP } : {}),
    ...(keepExternalIps && externalIPs !== undefined ? { externalIPs } : {}),
    ...(ipFamilies === undefined || spec.ipFamilyPolicy === 'PreferDualStack' ? {} : { ipFamilies }),
    ...(ports === undefined ? {} : { ports }),
  };
}

function withoutNodePort({ nodePort: _nodePort, ...port }: Fields): Fields {
  return port;
}
