import { z } from 'zod';
import { ownChainsOf } from '../backends/ipvs/own-chains.ts';
import { parseEntry } from '../backends/ipvs/parse.ts';
import { linkName } from '../backends/ipvs/program.ts';
import { ourSetNames } from '../backends/ipvs/reading.ts';
import { parseSchedulerName, type SchedulerName } from '../backends/ipvs/servers.ts';
import type { SetEntry } from '../backends/ipvs/sets.ts';
import type { IpvsStep } from '../backends/ipvs/steps.ts';
import { withMark } from '../backends/netfilter/ownership.ts';
import { parseSetName, type SetName } from '../backends/netfilter/rule.ts';
import type { ChainPrefix } from '../compiler/settings.ts';
import { type Family, families, familyOf } from '../compiler/values/address.ts';
import { protocols } from '../compiler/values/port.ts';
import { fileProblem, InputError } from './input-error.ts';
import {
  address,
  apiVersion,
  chainPrefix,
  document,
  fingerprint,
  kind,
  phase,
  port,
  prefixJson,
  strangeLinesIn,
} from './saved-plan.ts';

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

export function savedIpvsPlanJson(plans: readonly SavedIpvsPlan[], prefix: ChainPrefix): object {
  return {
    apiVersion,
    kind,
    backend: 'ipvs',
    ...prefixJson(prefix),
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

const set = parsedBy<SetName>(parseSetName, 'is no name of a set');
const link = z.string().max(15);
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
  z.strictObject({ ...at, kind: z.enum(['create-link', 'delete-link']), link }),
  z.strictObject({ ...at, kind: z.enum(['create-sets', 'destroy-sets']), sets: z.array(ipSet) }),
  z.strictObject({ ...at, kind: z.literal('swap-sets'), pairs: z.array(z.tuple([set, set])) }),
  z.strictObject({ ...at, kind: z.enum(['add-entries', 'delete-entries']), entries: z.array(entryEdit) }),
  z.strictObject({ ...at, kind: z.literal('servers'), edits: z.array(edit) }),
  z.strictObject({ ...at, kind: z.literal('chains'), document }),
  z.strictObject({ ...at, kind: z.enum(['bind', 'unbind']), link, addresses: z.array(address) }),
]);

const savedPlan = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal(kind),
  backend: z.literal('ipvs'),
  chainPrefix,
  families: z.array(z.strictObject({ family, fingerprint, steps: z.array(step) })).min(1),
});

/**
 * The plans of a parsed file.
 *
 * throws   InputError that names what is not of a plan, with its place
 */
export function parseSavedIpvsPlan(
  parsed: unknown,
  file: string,
): { readonly plans: readonly SavedIpvsPlan[]; readonly prefix: ChainPrefix } {
  const result = savedPlan.safeParse(parsed);
  if (!result.success) {
    throw new InputError(
      result.error.issues.map(({ path, message }) => fileProblem(file, 'bad-plan', message, path.join('.'))),
    );
  }
  const prefix = result.data.chainPrefix;
  const isStrange = strangenessUnder(prefix);
  const strange = result.data.families.flatMap((plan) => plan.steps.flatMap((one) => isStrange(one, plan.family)));
  if (strange.length > 0) {
    throw new InputError(
      strange.map((text) => fileProblem(file, 'bad-plan', `slicewright would not write ${JSON.stringify(text)}`)),
    );
  }
  return { plans: result.data.families.map(({ steps, ...plan }) => ({ ...plan, steps: steps.map(toStep) })), prefix };
}

type Parsed = z.infer<typeof step>;

/** Names what is of another family, and sets, links and rules that are not ours under this prefix. */
function strangenessUnder(prefix: ChainPrefix): (one: Parsed, of: Family) => string[] {
  const { isOurs } = withMark(ownChainsOf(prefix));
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

/** Of sets and links. */
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
