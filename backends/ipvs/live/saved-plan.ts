import * as z from 'zod';
import { type Family, families, familyOf } from '../../../compiler/values/address.ts';
import { counted } from '../../../compiler/values/counted.ts';
import { isPlainText } from '../../../compiler/values/plain-text.ts';
import { protocols } from '../../../compiler/values/port.ts';
import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';
import type { ApplyReport, LoadedPlan, PlanStart } from '../../backend.ts';
import type { Run } from '../../command.ts';
import { missingTool } from '../../netfilter/live/missing-tool.ts';
import type { OwnChains } from '../../netfilter/own-chains.ts';
import { withMark } from '../../netfilter/ownership.ts';
import { parseSetName, type SetName } from '../../netfilter/rule.ts';
import {
  address,
  document,
  family,
  fingerprint,
  phase,
  port,
  strangeLinesIn,
  strangeProblems,
} from '../../netfilter/diff/saved-steps.ts';
import type { IpvsScope } from './apply.ts';
import { IpvsError } from './errors.ts';
import { fingerprintOf } from '../plan/fingerprint.ts';
import { observeProgram } from './observe.ts';
import { parseEntry } from '../program/parse.ts';
import { exposedLoopback } from '../../netfilter/live/exposed-loopback.ts';
import { observeAgain } from '../../netfilter/live/observation.ts';
import { performStep } from './perform.ts';
import { linkName } from '../program/link-name.ts';
import type { IpvsProgram } from '../program/program.ts';
import { ourSetNames } from '../program/reading.ts';
import { parseSchedulerName, type SchedulerName } from '../program/servers.ts';
import type { SetEntry } from '../program/sets.ts';
import type { IpvsStep } from '../plan/steps.ts';
import { outcomeOf } from '../plan/outcome.ts';
import { strangeSteps } from '../vocabulary.ts';
import { schemaProblems, tamperedPlan } from '../../planning/problems.ts';
import type { Scope } from '../../target.ts';
import { describeFailure } from './apply-report.ts';

/**
 * A plan in a file: the finished steps, and the state that they start from. Every value is parsed as the same value
 * from a kernel is, names of sets and chains are slicewright's, and rules are of its vocabulary.
 */
interface SavedPlan {
  readonly family: Family;
  readonly fingerprint: string;
  readonly result: string;
  readonly steps: readonly IpvsStep[];
}

function parsedBy<T>(parse: (text: string) => T | undefined, what: string) {
  return z.string().transform((text, context): T => {
    const parsed = parse(text);
    if (parsed !== undefined) return parsed;
    context.addIssue(what);
    return z.NEVER;
  });
}

const set = parsedBy<SetName>(parseSetName, 'is not a set name');
const link = z.string().max(15);
const entry = parsedBy<SetEntry>(parseEntry, 'is not a set entry');
const scheduler = parsedBy<SchedulerName>(parseSchedulerName, 'is not a scheduler');
const definition = z
  .string()
  .regex(/^(hash:ip(,port(,(ip|net))?)? family inet6? maxelem \d{1,9}( timeout \d{1,6})?|bitmap:port range 0-65535)$/);
const setting = z.record(z.string().regex(/^net\.ipv4\.[a-z_.]{1,60}$/), z.string().regex(/^\d{1,3}$/));
const settings = setting.transform((values): ReadonlyMap<string, string> => new Map(Object.entries(values)));

const ipSet = z.strictObject({ name: set, definition, entries: z.array(entry) });
const protocol = z.enum(protocols);
const frontend = z.strictObject({ protocol, address, port });
const real = z.strictObject({
  address,
  port,
  forwarding: z.enum(['masquerade', 'route', 'tunnel']),
  weight: z.number().int().min(0).max(65_535),
  other: z.literal(''),
});
const server = z.strictObject({
  protocol,
  address,
  port,
  scheduler,
  persistenceSeconds: z.number().int().positive().optional(),
  flags: z.array(z.string().regex(/^[a-z0-9-]{1,20}$/)),
  other: z.literal(''),
  reals: z.array(real),
});
/** Only names a Service in messages. */
const service = z.string().max(600).refine(isPlainText, 'holds control characters').optional();
const edit = z.union([
  z.strictObject({ service, op: z.enum(['add-virtual', 'delete-virtual']), server }),
  z.strictObject({ service, op: z.literal('edit-virtual'), from: server, to: server }),
  z.strictObject({ service, op: z.enum(['add-real', 'delete-real']), of: frontend, real }),
  z.strictObject({ service, op: z.literal('edit-real'), of: frontend, from: real, to: real }),
]);
const entryEdit = z.strictObject({ set, entry, timeoutSeconds: z.number().int().positive().optional() });

const at = { phase, family };
const step = z.union([
  z.strictObject({ ...at, kind: z.literal('sysctls'), from: settings, to: settings }),
  z.strictObject({ ...at, kind: z.enum(['create-link', 'delete-link']), link }),
  z.strictObject({ ...at, kind: z.enum(['create-sets', 'destroy-sets']), sets: z.array(ipSet) }),
  z.strictObject({ ...at, kind: z.literal('swap-sets'), pairs: z.array(z.tuple([set, set])) }),
  z.strictObject({ ...at, kind: z.enum(['add-entries', 'delete-entries']), entries: z.array(entryEdit) }),
  z.strictObject({ ...at, kind: z.literal('servers'), edits: z.array(edit) }),
  z.strictObject({ ...at, kind: z.literal('chains'), document }),
  z.strictObject({ ...at, kind: z.enum(['bind', 'unbind']), link, addresses: z.array(address) }),
]);

const familyPlan = z.strictObject({ family, fingerprint, result: fingerprint, steps: z.array(step) });

export function loadPlan(parsed: unknown, own: OwnChains, scopeOf: (scope: Scope) => IpvsScope): LoadedPlan {
  const result = familyPlan.safeParse(parsed);
  if (!result.success) return { kind: 'refused', problems: schemaProblems(result.error) };
  const isStrange = strangenessUnder(own);
  const strange = result.data.steps.flatMap((one) => isStrange(one, result.data.family));
  if (strange.length > 0) return { kind: 'refused', problems: strangeProblems(strange) };
  const plan = { ...result.data, steps: result.data.steps.map(toStep) };
  return { kind: 'plan', family: plan.family, start: (run, scope) => startOf(plan, run, scopeOf(scope)) };
}

async function startOf(plan: SavedPlan, run: Run, scope: IpvsScope): Promise<PlanStart> {
  const observed = await observeProgram(run, plan.family, scope.own);
  const refusal = refusalOf(plan, observed, scope);
  const tools = observed.found?.tables?.tools;
  return {
    refusal:
      refusal === undefined
        ? (misleading(plan, observed, scope) ?? (tools && (await missingTool(run, tools))))
        : describeFailure(plan.family, new IpvsError(refusal, { reason: 'conflict' }), 'apply'),
    perform: () => performAll(plan, run, scope, observed),
  };
}

function refusalOf(plan: SavedPlan, observed: IpvsProgram, { takeOver }: IpvsScope): string | undefined {
  const found = fingerprintOf(observed);
  if (found !== plan.fingerprint) {
    const states = `(${plan.fingerprint.slice(0, 12)}) than is there now (${found.slice(0, 12)})`;
    return `the plan starts from another state ${states}; plan again. Nothing was changed.`;
  }
  if (observed.found?.tables?.owner !== 'another writer' || takeOver) return undefined;
  const whose = `the ${observed.prefix}-* chains seem to be a kube-proxy's`;
  return `${whose}; once it is stopped, use --take-over. Nothing was changed.`;
}

/** A plan whose steps lead to another state than it names, or to what slicewright never makes; undefined: they do not. */
function misleading(plan: SavedPlan, observed: IpvsProgram, { own }: IpvsScope): Diagnostic | undefined {
  const outcome = outcomeOf(observed, plan.steps);
  if (outcome === undefined || fingerprintOf(outcome) !== plan.result) return tamperedPlan(plan.family, []);
  const strange = strangeSteps(observed, plan.steps, outcome, own);
  return strange.length === 0 ? undefined : tamperedPlan(plan.family, strange);
}

async function performAll(
  { family: of, steps }: SavedPlan,
  run: Run,
  { own }: IpvsScope,
  observed: IpvsProgram,
): Promise<ApplyReport> {
  const tables = observed.found?.tables;
  const tools = tables?.tools;
  let exposed: Diagnostic | undefined;
  try {
    for (const one of steps) await performStep(one.kind === 'chains' ? { ...one, tools } : one, run);
    if (tables !== undefined) exposed = await exposedLoopback(run, tables, await observeAgain(run, tables, own));
  } catch (error) {
    return { isDone: false, done: undefined, problems: [describeFailure(of, error, 'apply')] };
  }
  const done = `the plan's ${counted(steps.length, 'script')} performed, each read back`;
  return { isDone: true, done, problems: exposed === undefined ? [] : [exposed] };
}

type Parsed = z.infer<typeof step>;

/** Names what is of another family, and sets, links and rules that are not slicewright's under this prefix. */
function strangenessUnder(own: OwnChains): (one: Parsed, of: Family) => string[] {
  const { prefix } = own;
  const { isOurs } = withMark(own);
  const ours = new Set<string>([linkName(prefix), ...families.flatMap((of) => [...ourSetNames(of, prefix).all])]);
  return (one, of) => {
    if (one.family !== of) return [`a step of ${one.family}`];
    const names = namesIn(one).filter((name) => !ours.has(name));
    if (names.length > 0) return names;
    switch (one.kind) {
      case 'chains':
        return strangeLinesIn(one.document, of, (chain) => isOurs('nat', chain));
      case 'bind':
      case 'unbind':
        return one.addresses.filter((bound) => familyOf(bound) !== of);
      default:
        return [];
    }
  };
}

/** Names of sets and links. */
function namesIn(one: Parsed): string[] {
  switch (one.kind) {
    case 'create-link':
    case 'delete-link':
    case 'bind':
    case 'unbind':
      return [one.link];
    case 'create-sets':
    case 'destroy-sets':
      return one.sets.map(({ name }) => name);
    case 'swap-sets':
      return one.pairs.flat();
    case 'add-entries':
    case 'delete-entries':
      return one.entries.map((each) => each.set);
    default:
      return [];
  }
}

function toStep(one: Parsed): IpvsStep {
  return (one.kind === 'chains' ? { ...one, tools: undefined } : one) as IpvsStep;
}
