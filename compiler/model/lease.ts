import type { Diagnostic } from '../values/diagnostic.ts';
import type { ClusterName } from '../values/names.ts';
import { createReport, type Fields, fieldsOf, isAbsent, type Report, show } from './fields.ts';
import { type NamespacedMetadata, parseNamespacedMetadata } from './metadata.ts';

/** A coordination.k8s.io Lease, reduced to the fields that show that it is renewed. */
export interface Lease extends NamespacedMetadata {
  /** `spec.renewTime` as it was written: only compared, never read as a time. */
  readonly stamp: string;
  /** How long one renewal is valid. */
  readonly durationMs: number;
}

/** With a longer validity, the lease would hardly ever show that a cluster is lost. */
const maxSeconds = 3_600;
/** A time with microseconds and a zone has 32 characters. */
const maxStamp = 64;

/** undefined, and reported, where the renewal time or its validity cannot be read. */
export function parseLease(
  object: Fields,
  cluster: ClusterName | undefined,
  diagnostics: Diagnostic[],
): Lease | undefined {
  const metadata = parseNamespacedMetadata(object, 'Lease', cluster, diagnostics);
  if (metadata === undefined) return undefined;
  const report = createReport(metadata.ref, diagnostics);
  const spec = fieldsOf(object, 'spec', 'spec', report);
  const stamp = parseStamp(spec.renewTime, report);
  const durationMs = parseDuration(spec.leaseDurationSeconds, report);
  return stamp === undefined || durationMs === undefined ? undefined : { ...metadata, stamp, durationMs };
}

const outcome = 'the Lease is ignored';

function parseStamp(value: unknown, report: Report): string | undefined {
  // YAML readers turn unquoted times into dates.
  const text = value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : value;
  if (typeof text === 'string' && text !== '' && text.length <= maxStamp) return text;
  const found = isAbsent(value) ? 'is missing' : `${show(value)} is not a time`;
  report('warning', 'lease-bad-renew-time', 'spec.renewTime', `${found}; ${outcome}`);
  return undefined;
}

function parseDuration(value: unknown, report: Report): number | undefined {
  if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= maxSeconds) return Number(value) * 1000;
  const found = isAbsent(value) ? 'is missing' : `${show(value)} is not a whole number from 1 to ${maxSeconds}`;
  report('warning', 'lease-bad-duration', 'spec.leaseDurationSeconds', `${found}; ${outcome}`);
  return undefined;
}
