import { z } from 'zod';
import { drainingName, frontendsName } from '../backends/ipvs/ledger.ts';
import { ownChains } from '../backends/ipvs/own-chains.ts';
import { parseEntry } from '../backends/ipvs/parse.ts';
import { parseSchedulerName, type SchedulerName } from '../backends/ipvs/servers.ts';
import { type SetEntry, setIds, setName } from '../backends/ipvs/sets.ts';
import { stagedName } from '../backends/ipvs/set-plan.ts';
import type { IpvsStep } from '../backends/ipvs/steps.ts';
import { withMark } from '../backends/netfilter/ownership.ts';
import { parseSetName, type SetName } from '../backends/netfilter/rule.ts';
import { type Family, families, familyOf } from '../compiler/values/address.ts';
import { protocols } from '../compiler/values/port.ts';
import { fileProblem, InputError } from './input-error.ts';
import { address, apiVersion, document, fingerprint, kind, phase, port, strangeLinesIn } from './saved-plan.ts';

/**
 * A plan for IPVS in a file: reviewed now, performed later, by `apply --plan`, exactly or not at
 * all. Like a plan of rules it holds the finished steps and the state that they start from, and it is
 * trusted no more: every value is parsed as the same value from a kernel is, names of sets and
 * chains are ours, and rules are of our vocabulary.
 */
export interface SavedIpvsPlan {
  readonly family: Family;
  readonly fingerprint: string;
  readonly steps: readonly IpvsStep[];
}

export function savedIpvsPlanJson(plans: readonly SavedIpvsPlan[]): object {
  return {
    apiVersion,
    kind,
    backend: 'ipvs',
    families: plans.map(({ family, fingerprint: start, steps }) => ({
      family,
      fingerprint: start,
      steps: steps.map(stepJson),
    })),
  };
}

function stepJson(step: IpvsStep): object {
  if (step.kind === 'sysctls') {
    return { ...step, from: Object.fromEntries(step.from), to: Object.fromEntries(step.to) };
  }
  if (step.kind !== 'chains') return step;
  // Which programs there are is found out anew, and a plan that is performed later is not undone.
  const { phase: when, family, kind: what, document: text } = step;
  return { phase: when, family, kind: what, document: text };
}

const family = z.enum(families as readonly [Family, ...Family[]]);

function parsedBy<T>(parse: (text: string) => T | undefined, what: string) {
  return z.string().transform((text, context): T => {
    const parsed = parse(text);
    if (parsed !== undefined) return parsed;
    context.addIssue(what);
    return z.NEVER;
  });
}

const ourSets: ReadonlySet<string> = new Set(
  families.flatMap((one) => {
    const names = [...setIds.map((id) => setName(id, one)), frontendsName(one), drainingName(one)];
    return [...names, ...names.map(stagedName)];
  }),
);
const set = parsedBy<SetName>((text) => (ourSets.has(text) ? parseSetName(text) : undefined), 'is no set of ours');
const entry = parsedBy<SetEntry>(parseEntry, 'is no entry of a set');
const scheduler = parsedBy<SchedulerName>(parseSchedulerName, 'is no scheduler');
const definition = z
  .string()
  .regex(/^(hash:ip(,port(,(ip|net))?)? family inet6? maxelem \d{1,9}( timeout \d{1,6})?|bitmap:port range 0-65535)$/);
const setting = z.record(z.string().regex(/^net\.ipv4\.[a-z_.]{1,60}$/), z.string().regex(/^\d{1,3}$/));
const settings = setting.transform((values): ReadonlyMap<string, string> => new Map(Object.entries(values)));

const ipSet = z.strictObject({ name: set, definition, entries: z.array(entry) });
const protocol = z.enum(protocols);
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
const service = z.string().max(600).optional();
const edit = z.union([
  z.strictObject({ service, op: z.enum(['add-virtual', 'delete-virtual']), server }),
  z.strictObject({ service, op: z.literal('edit-virtual'), from: server, to: server }),
  z.strictObject({ service, op: z.enum(['add-real', 'delete-real']), of: server, real }),
  z.strictObject({ service, op: z.literal('edit-real'), of: server, from: real, to: real }),
]);
const entryEdit = z.strictObject({ set, entry, timeoutSeconds: z.number().int().positive().optional() });

const at = { phase, family };
const step = z.union([
  z.strictObject({ ...at, kind: z.literal('sysctls'), from: settings, to: settings }),
  z.strictObject({ ...at, kind: z.enum(['create-link', 'delete-link']) }),
  z.strictObject({ ...at, kind: z.enum(['create-sets', 'destroy-sets']), sets: z.array(ipSet) }),
  z.strictObject({ ...at, kind: z.literal('swap-sets'), pairs: z.array(z.tuple([set, set])) }),
  z.strictObject({ ...at, kind: z.enum(['add-entries', 'delete-entries']), entries: z.array(entryEdit) }),
  z.strictObject({ ...at, kind: z.literal('servers'), edits: z.array(edit) }),
  z.strictObject({ ...at, kind: z.literal('chains'), document }),
  z.strictObject({ ...at, kind: z.enum(['bind', 'unbind']), addresses: z.array(address) }),
]);

const savedPlan = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal(kind),
  backend: z.literal('ipvs'),
  families: z.array(z.strictObject({ family, fingerprint, steps: z.array(step) })).min(1),
});

/**
 * The plans of a parsed file.
 *
 * throws   InputError that names what is not of a plan, with its place
 */
export function parseSavedIpvsPlan(parsed: unknown, file: string): SavedIpvsPlan[] {
  const result = savedPlan.safeParse(parsed);
  if (!result.success) {
    throw new InputError(
      result.error.issues.map(({ path, message }) => fileProblem(file, 'bad-plan', message, path.join('.'))),
    );
  }
  const strange = result.data.families.flatMap((plan) => plan.steps.flatMap((one) => strangeIn(one, plan.family)));
  if (strange.length > 0) {
    throw new InputError(
      strange.map((text) => fileProblem(file, 'bad-plan', `slicewright would not write ${JSON.stringify(text)}`)),
    );
  }
  return result.data.families.map(({ steps, ...plan }) => ({ ...plan, steps: steps.map(toStep) }));
}

type Parsed = z.infer<typeof step>;

/** What is of another family, and rules that are not ours. */
function strangeIn(one: Parsed, of: Family): string[] {
  if (one.family !== of) return [`a step of ${one.family}`];
  switch (one.kind) {
    case 'chains':
      return strangeLinesIn(one.document, of, (chain) => withMark(ownChains).isOurs('nat', chain));
    case 'bind':
    case 'unbind':
      return one.addresses.filter((bound) => familyOf(bound) !== of);
    default:
      return [];
  }
}

function toStep(one: Parsed): IpvsStep {
  return (one.kind === 'chains' ? { ...one, tools: undefined } : one) as IpvsStep;
}
