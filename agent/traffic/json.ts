import { formatPercent, type Rational } from '../../compiler/values/rational.ts';
import type { Measures, ServiceRow, Share } from './book.ts';

/**
 * Traffic for programs, complete. `perSecond` is null in a first reading, `packets` and `bytes` if only connections are
 * counted, `cluster` if an endpoint's cluster is unknown, `measured` if there was no connection.
 */
export function trafficJson(services: readonly ServiceRow[]): object[] {
  return services.map(({ id, name, countedAnew, clusters, ...measures }) => ({
    ...{ id, servicePort: name, countedAnew, ...measuresJson(measures) },
    clusters: clusters.map(({ cluster, share, endpoints, ...sums }) => ({
      ...{ cluster: cluster ?? null, ...measuresJson(sums), share: shareJson(share) },
      endpoints: endpoints.map(({ endpoint, share: own, ...one }) => ({
        ...{ endpoint, ...measuresJson(one), share: shareJson(own) },
      })),
    })),
  }));
}

function measuresJson({ connections, volume, perSecond }: Measures) {
  const counted = (one: Pick<Measures, 'connections' | 'volume'>) => ({
    connections: one.connections,
    packets: one.volume?.packets ?? null,
    bytes: one.volume?.bytes ?? null,
  });
  return { ...counted({ connections, volume }), perSecond: perSecond === undefined ? null : counted(perSecond) };
}

function shareJson({ measured, asked, byPool, deviates }: Share) {
  return {
    measured: measured ?? null,
    asked: asked.map(fractionJson),
    byPool: byPool.map((one) => ({ ...one, measured: one.measured ?? null, asked: fractionJson(one.asked) })),
    deviates,
  };
}

function fractionJson(share: Rational) {
  return {
    numerator: String(share.numerator),
    denominator: String(share.denominator),
    percent: formatPercent(share),
  };
}
