import { asFields, type Fields, type TextMap } from '../../compiler/model/fields.ts';
import { isOfKind, kinds } from './kinds.ts';
import type { Held } from './object.ts';
import type { ControllerSettings } from './world.ts';

/** Prefixes of labels and annotations that describe how the template was propagated, not the template itself. */
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

/** The part of a hub's object that goes to members: labels, annotations and content, without what a cluster added. */
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
 * A Service's spec without the values that each cluster adds (CC-9). Its families are kept only if the user asks for them:
 * with a preference each cluster chooses, and would treat a list from the hub as a change.
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
