import type { Compilation } from '../../compiler/compile.ts';
import type { Frontend, Route, ServicePortIR } from '../../compiler/ir/ir.ts';
import type { EndpointRecord } from '../../compiler/merge/record.ts';
import { families } from '../../compiler/values/address.ts';
import { compareText, type ServiceKey, servicePortId } from '../../compiler/values/names.ts';
import type { Rational } from '../../compiler/values/rational.ts';
import type { IsSelected } from '../input/selection.ts';

/** One Service port in one family, with every known endpoint. */
export interface ExplainedPort {
  readonly id: string;
  readonly service: ServiceKey;
  readonly portName: ServicePortIR['portName'];
  readonly protocol: string;
  readonly family: string;
  readonly frontends: readonly Frontend[];
  /** What happens at cluster IPs and clusterset IPs. */
  readonly internal: Route;
  /** What happens at all other addresses. */
  readonly external: Route;
  /** By `ip:port` and slice. */
  readonly endpoints: readonly ExplainedEndpoint[];
}

export interface ExplainedEndpoint extends EndpointRecord {
  /** The share that it would have without the cluster; undefined: that was not asked. */
  readonly shareWithout: Rational | undefined;
}

/**
 * Explains Service ports.
 *
 * isAsked   undefined: all of them
 * without   the same compilation with some cluster lost, to compare with
 * returns   ports in order of their ids; none if no such Service is served here
 */
export function explain(
  compilation: Pick<Compilation, 'services' | 'endpoints'>,
  isAsked: IsSelected | undefined,
  without?: Compilation,
): ExplainedPort[] {
  const records = groupByPort(compilation);
  const otherShares = without && sharesOf(without);
  return families
    .flatMap((family) => compilation.services[family])
    .filter((ir) => isAsked === undefined || isAsked(ir))
    .sort((a, b) => compareText(a.id, b.id))
    .map((ir) => ({
      id: ir.id,
      service: ir.service,
      portName: ir.portName,
      protocol: ir.protocol,
      family: ir.family,
      frontends: ir.frontends,
      internal: ir.internal,
      external: ir.external,
      endpoints: (records.get(ir.id) ?? []).map((record) => ({
        ...record,
        shareWithout: otherShares?.get(identityOf(record)),
      })),
    }));
}

function idOf(record: EndpointRecord): string {
  return servicePortId(record.service, record.portName, record.protocol, record.family);
}

function groupByPort({ endpoints }: Pick<Compilation, 'endpoints'>): Map<string, EndpointRecord[]> {
  const groups = new Map<string, EndpointRecord[]>();
  for (const record of endpoints) {
    const group = groups.get(idOf(record));
    if (group === undefined) groups.set(idOf(record), [record]);
    else group.push(record);
  }
  return groups;
}

function sharesOf({ endpoints }: Compilation): Map<string, Rational> {
  return new Map(endpoints.map((record) => [identityOf(record), record.share]));
}

function identityOf(record: EndpointRecord): string {
  const { cluster = '', namespace = '', name } = record.slice;
  return JSON.stringify([idOf(record), record.address, record.port, cluster, namespace, name]);
}
