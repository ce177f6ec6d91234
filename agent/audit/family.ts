import type { Backend, Observed } from '../../backends/backend.ts';
import type { Target } from '../../backends/target.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { Family } from '../../compiler/values/address.ts';
import type { Place } from '../../backends/equivalence/places.ts';
import { compareText } from '../../compiler/values/names.ts';
import type { IsSelected } from '../input/selection.ts';
import { createJudge } from './judge.ts';
import { createMovingJudge } from './moving.ts';
import { olderReading } from './older.ts';
import { ownersOf } from './owners.ts';
import { createMeanings } from './readings.ts';
import { type Finding, type Walked, walkPackets } from './walk.ts';

export type Status = 'ok' | 'known' | 'unknown' | 'wrong';

/** From the one that needs no look to the one that needs a look first. */
export const statuses: readonly Status[] = ['ok', 'known', 'unknown', 'wrong'];

export interface AuditedService {
  /** `shop/cart`; of a ServiceImport `shop/cart@clusterset`. */
  readonly service: string;
  /** The status of its worst finding. */
  readonly status: Status;
  readonly findings: readonly Finding[];
}

/** What happened to packets: by Service, and at places that belong to no Service. */
export interface Outcome {
  readonly tried: number;
  readonly services: readonly AuditedService[];
  readonly elsewhere: readonly Finding[];
  readonly sampled: readonly Place[];
}

export interface AuditedFamily {
  readonly family: Family;
  /** The mode that is in force. */
  readonly mode: string;
  /** `the kernel (nft)`, a file's name. */
  readonly source: string;
  readonly now: Outcome;
  /** The comparison with slicewright in another mode; undefined: not asked for. */
  readonly after: { readonly mode: string; readonly outcome: Outcome } | undefined;
  /** Other programs' rules that may decide before the rules for Services do. */
  readonly mayIntercept: readonly string[];
  /** Other programs' chains that come first and that the audit does not follow. */
  readonly notFollowed: readonly string[];
}

export interface AuditInput {
  readonly backend: Backend;
  readonly observed: Observed;
  readonly target: Target;
  /** The same objects as kube-proxy v1.30 takes them. */
  readonly older: Target;
  readonly to: Backend | undefined;
  readonly isSelected: IsSelected;
}

export async function auditFamily(input: AuditInput): Promise<AuditedFamily> {
  const { backend, observed, target, older, to, isSelected } = input;
  const { node } = target;
  const witness = await backend.witness();
  const meanings = createMeanings(witness, target, [
    olderReading(target, older),
    ...witness.knowledge.readings,
    ...(observed.readings ?? []),
  ]);
  const found = observed.look(node, { withOthers: true });
  const judge = createJudge(found, meanings);
  const outcome = (walked: Walked): Outcome => outcomeOf(walked, target, isSelected);
  const afterwards = async (next: Backend) => {
    const other = await next.witness();
    const look = other.look(target);
    const from = { look: meanings.look, knowledge: witness.knowledge };
    const moving = createMovingJudge(judge, from, { look, knowledge: other.knowledge }, target);
    return { mode: next.name, outcome: outcome(walkPackets(look, found, moving, node)) };
  };
  return {
    family: observed.family,
    mode: backend.name,
    source: observed.source,
    now: outcome(walkPackets(meanings.look, found, judge, node)),
    after: to === undefined ? undefined : await afterwards(to),
    mayIntercept: observed.inFront(),
    notFollowed: observed.notFollowed?.() ?? [],
  };
}

function outcomeOf({ tried, findings, sampled }: Walked, target: Target, isSelected: IsSelected): Outcome {
  const byService = new Map<string, Finding[]>();
  for (const ir of target.services) if (isSelected(ir)) byService.set(ir.service, []);
  const elsewhere: Finding[] = [];
  for (const finding of findings) {
    const owners = ownersOf(target, finding.place);
    // Without a Service at that place, what other programs' rules do there is not judged.
    const isOthers = finding.example.found.steps.some(({ ofOthers }) => ofOthers === true);
    if (owners.length === 0 && !isOthers) elsewhere.push(finding);
    const services = new Set(owners.filter((ir: ServicePortIR) => isSelected(ir)).map(({ service }) => service));
    for (const service of services) byService.get(service)?.push(finding);
  }
  const services = [...byService]
    .sort(([a], [b]) => compareText(a, b))
    .map(([service, own]) => ({ service, status: worstOf(own), findings: own }));
  return { tried, services, elsewhere, sampled };
}

export function worstOf(findings: readonly Finding[]): Status {
  return statuses.findLast((status) => findings.some(({ judgement }) => judgement.kind === status)) ?? 'ok';
}
