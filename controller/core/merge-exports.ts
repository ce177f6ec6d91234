import { asFields, type Fields } from '../../compiler/model/fields.ts';
import { canonicalJson } from '../../compiler/values/canonical-json.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import type { ExportFact } from './export-status.ts';

/** A port of a ServiceImport. */
export interface ImportPort {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
  readonly appProtocol: string | undefined;
}

/** The content of an import, merged from the exports of all clusters. */
export interface MergedExports {
  readonly type: 'ClusterSetIP' | 'Headless';
  readonly ports: readonly ImportPort[];
  readonly sessionAffinity: string;
  readonly sessionAffinityConfig: unknown;
  readonly internalTrafficPolicy: unknown;
  readonly trafficDistribution: unknown;
  readonly ipFamilies: readonly string[];
  readonly labels: Fields;
  readonly annotations: Fields;
  /** Reasons of condition Conflict, in the order of the API's documentation. */
  readonly conflicts: readonly string[];
  readonly message: string;
}

interface Exported {
  readonly cluster: ClusterName;
  readonly spec: Fields;
  readonly exportSpec: Fields;
}

/** A property that takes the oldest export's value. */
interface Property {
  readonly reason: string;
  readonly text: string;
  readonly of: (exported: Exported) => unknown;
}

const properties: readonly Property[] = [
  { reason: 'TypeConflict', text: 'type', of: ({ spec }) => (isHeadless(spec) ? 'Headless' : 'ClusterSetIP') },
  { reason: 'SessionAffinityConflict', text: 'sessionAffinity', of: ({ spec }) => spec.sessionAffinity ?? 'None' },
  {
    reason: 'SessionAffinityConfigConflict',
    text: 'sessionAffinityConfig',
    of: ({ spec }) => spec.sessionAffinityConfig ?? null,
  },
  { reason: 'LabelsConflict', text: 'exportedLabels', of: ({ exportSpec }) => exportSpec.exportedLabels ?? {} },
  {
    reason: 'AnnotationsConflict',
    text: 'exportedAnnotations',
    of: ({ exportSpec }) => exportSpec.exportedAnnotations ?? {},
  },
  {
    reason: 'InternalTrafficPolicyConflict',
    text: 'internalTrafficPolicy',
    of: ({ spec }) => spec.internalTrafficPolicy ?? 'Cluster',
  },
  {
    reason: 'TrafficDistributionConflict',
    text: 'trafficDistribution',
    of: ({ spec }) => spec.trafficDistribution ?? null,
  },
  { reason: 'IPFamilyConflict', text: 'ipFamilies', of: ({ spec }) => [...familiesOf(spec)].sort() },
];

/**
 * The import of valid exports, oldest first; undefined without any. Ports are the union, by name and then by protocol
 * and number; of all else the oldest export's value counts.
 *
 * source: KEP-1645, constraints and conflict resolution
 */
export function mergeExports(facts: readonly ExportFact[]): MergedExports | undefined {
  const exported = facts.flatMap(({ cluster, object, service, isValid }): Exported[] =>
    isValid && service !== undefined
      ? [{ cluster, spec: asFields(service.fields.spec) ?? {}, exportSpec: asFields(object.fields.spec) ?? {} }]
      : [],
  );
  const [oldest] = exported;
  if (oldest === undefined) return undefined;
  const { ports, messages: ofPorts } = mergePorts(exported);
  const conflicts: string[] = ofPorts.length > 0 ? ['PortConflict'] : [];
  const messages = [...ofPorts];
  for (const { reason, text, of } of properties) {
    const used = canonicalJson(of(oldest));
    const others = exported.filter((each) => canonicalJson(of(each)) !== used).map(({ cluster }) => cluster);
    if (others.length === 0) continue;
    conflicts.push(reason);
    messages.push(
      `${text}: ${others.join(', ')} (${others.length} of ${exported.length}) disagree; ${used} is used, from ${oldest.cluster}`,
    );
  }
  const { spec, exportSpec } = oldest;
  return {
    type: isHeadless(spec) ? 'Headless' : 'ClusterSetIP',
    ports,
    sessionAffinity: typeof spec.sessionAffinity === 'string' ? spec.sessionAffinity : 'None',
    sessionAffinityConfig: spec.sessionAffinityConfig,
    internalTrafficPolicy: spec.internalTrafficPolicy,
    trafficDistribution: spec.trafficDistribution,
    ipFamilies: familiesOf(spec),
    labels: asFields(exportSpec.exportedLabels) ?? {},
    annotations: asFields(exportSpec.exportedAnnotations) ?? {},
    conflicts,
    message: messages.join('; '),
  };
}

function isHeadless(spec: Fields): boolean {
  return spec.clusterIP === 'None';
}

function familiesOf(spec: Fields): readonly string[] {
  return Array.isArray(spec.ipFamilies) ? spec.ipFamilies.filter((each) => typeof each === 'string') : [];
}

function portsOf({ spec }: Exported): readonly ImportPort[] {
  const ports = Array.isArray(spec.ports) ? spec.ports.map(asFields) : [];
  return ports.flatMap((port) =>
    port === undefined || typeof port.port !== 'number'
      ? []
      : [
          {
            name: typeof port.name === 'string' ? port.name : '',
            protocol: typeof port.protocol === 'string' ? port.protocol : 'TCP',
            port: port.port,
            appProtocol: typeof port.appProtocol === 'string' ? port.appProtocol : undefined,
          },
        ],
  );
}

function portText({ name, protocol, port }: ImportPort): string {
  return `${name === '' ? '' : `${name} `}${port}/${protocol}`;
}

/** The union of ports: a port is left out for its cluster if its name, or its protocol and number, is already taken. */
function mergePorts(exported: readonly Exported[]): { readonly ports: ImportPort[]; readonly messages: string[] } {
  const ports: ImportPort[] = [];
  const from = new Map<ImportPort, ClusterName>();
  const messages: string[] = [];
  for (const each of exported) {
    for (const port of portsOf(each)) {
      const named = ports.find(({ name }) => name === port.name);
      const numbered = ports.find((other) => other.protocol === port.protocol && other.port === port.port);
      const other = named ?? numbered;
      if (other === undefined) {
        ports.push(port);
        from.set(port, each.cluster);
      } else if (named === undefined || named.protocol !== port.protocol || named.port !== port.port) {
        messages.push(`port ${portText(port)} of ${each.cluster}: ${portText(other)} is used, from ${from.get(other)}`);
      }
    }
  }
  const sets = exported.map((each) => canonicalJson([...portsOf(each)].map((port) => canonicalJson(port)).sort()));
  const different = exported.filter((_, i) => sets[i] !== sets[0]).map(({ cluster }) => cluster);
  if (different.length > 0 && messages.length === 0) {
    messages.push(
      `ports: ${different.join(', ')} (${different.length} of ${exported.length}) differ from ${exported[0]?.cluster}; all are offered`,
    );
  }
  return { ports, messages };
}
