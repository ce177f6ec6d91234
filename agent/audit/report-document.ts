import type { KnownDifference } from '../../backends/equivalence/known-difference.ts';
import { formatPacket } from '../../compiler/semantics/packet-text.ts';
import { formatTrace, formatVerdict } from '../../compiler/semantics/verdict-text.ts';
import { type DocumentFormat, documentText } from '../terminal/document.ts';
import { causeOf } from './cause.ts';
import { type AuditedFamily, type Outcome, statuses } from './family.ts';
import type { Finding } from './walk.ts';

/** What an audit found, for programs; whole. */
export function auditDocument(
  found: readonly AuditedFamily[],
  known: readonly KnownDifference[],
  format: DocumentFormat,
): Promise<string> {
  const families = found.map(({ family, mode, source, now, after, mayIntercept, notFollowed }) => ({
    family,
    mode,
    source,
    ...outcomeJson(now),
    mayIntercept,
    notFollowed,
    after: after === undefined ? null : { mode: after.mode, ...outcomeJson(after.outcome) },
  }));
  return documentText('Audit', { families, knownDifferences: known }, format);
}

function outcomeJson({ tried, services, elsewhere, sampled }: Outcome) {
  return {
    packets: tried,
    summary: Object.fromEntries(statuses.map((one) => [one, services.filter(({ status }) => status === one).length])),
    services: services.map(({ service, status, findings }) => ({
      service,
      status,
      findings: findings.map(findingJson),
    })),
    elsewhere: elsewhere.map(findingJson),
    sampled,
  };
}

function findingJson(finding: Finding) {
  const { place, judgement, count, example } = finding;
  return {
    ...place,
    status: judgement.kind,
    cause: causeOf(finding),
    codes: judgement.kind === 'known' ? judgement.codes : [],
    notUnderstood: judgement.kind === 'unknown' ? judgement.rules : [],
    clients: count,
    example: {
      packet: formatPacket(example.packet),
      wanted: formatVerdict(example.wanted.verdict),
      found: formatVerdict(example.found.verdict),
      rules: formatTrace(example.found),
    },
  };
}
