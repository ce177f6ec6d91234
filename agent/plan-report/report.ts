import type { BackendName } from '../../backends/index.ts';
import { countEndpoints, entryText, findFrontends } from '../../backends/iptables/frontends.ts';
import { isOfIpvsMode } from '../../backends/iptables/own-chains.ts';
import { diffRulesets } from '../../backends/netfilter/diff.ts';
import type { OwnChains } from '../../backends/netfilter/own-chains.ts';
import { ownersIn } from '../../backends/netfilter/owners.ts';
import type { Foreign } from '../../backends/netfilter/parse.ts';
import type { LivePlan } from '../../backends/netfilter/live.ts';
import type { Ruleset } from '../../backends/netfilter/rule.ts';
import { traceRuleset } from '../../backends/netfilter/trace.ts';
import { lineCount } from '../../backends/netfilter/transaction.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { Family } from '../../compiler/values/address.ts';
import { type ChainDiff, chainDiffsText, diffChains, type Paint } from './chains.ts';
import { type Danger, findDangers } from './dangers.ts';
import { type ClusterOf, describeChanges, type ServiceSentence } from './sentences.ts';
import { compareTraffic, type FrontendChange, type Side } from './traffic.ts';

/**
 * What performing a plan takes.
 *
 * transactions   calls of iptables-restore; in IPVS mode scripts, of any tool
 * chains         that change; in IPVS mode virtual servers, sets and whatever else does too
 */
export interface Cost {
  readonly transactions: number;
  readonly lines: number;
  readonly chains: number;
}

/** Everything that people and programs are told of one family's plan. */
export interface FamilyReport {
  readonly family: Family;
  readonly backend: BackendName;
  /** What the plan starts from: `the kernel (nft)`, a file's name. */
  readonly source: string;
  readonly services: readonly ServiceSentence[];
  readonly frontends: readonly FrontendChange[];
  readonly dangers: readonly Danger[];
  readonly chains: readonly ChainDiff[];
  readonly cost: Cost;
  /** What becomes of the rest: what has to wait, what of another mode goes afterwards. */
  readonly notes: readonly string[];
}

/**
 * before    the traffic now, where other things than these rules decide about it
 * node      in whose surroundings packets are traced
 * dangers   of the place itself, whatever the plan does there
 */
export interface ReportInput {
  readonly source: string;
  readonly found: { readonly ruleset: Ruleset; readonly foreign: Foreign };
  readonly plan: Pick<LivePlan, 'desired' | 'steps'>;
  readonly node: NodeContext;
  readonly dangers: readonly Danger[];
  readonly before?: Side;
  readonly notes?: readonly string[];
}

export function makeReport(input: ReportInput, own: OwnChains, clusterOf: ClusterOf): FamilyReport {
  const { source, found, plan, node } = input;
  const { desired } = plan;
  const before = input.before ?? rulesetSide(found.ruleset, node);
  const frontends = compareTraffic(before, rulesetSide(desired, node), node.family, node.nodeIP);
  // Of another mode's hooks none is missing.
  const hooked = isOfIpvsMode(found.ruleset, node.chainPrefix) ? desired : found.ruleset;
  const chains = diffChains(diffRulesets(found.ruleset, desired), ownersIn([desired, found.ruleset], own));
  const documents = plan.steps.flatMap((step) => (step.kind === 'restore' ? [step.document] : []));
  return {
    family: node.family,
    backend: 'iptables',
    source,
    services: describeChanges(frontends, clusterOf),
    frontends,
    dangers: [
      ...input.dangers,
      ...findDangers(frontends, countEndpoints(found.ruleset, node.chainPrefix), hooked, desired, found.foreign),
    ],
    chains,
    cost: {
      transactions: documents.length,
      lines: documents.reduce((sum, { tables }) => sum + lineCount(tables), 0),
      chains: chains.filter(({ change }) => change !== 'hooks').length,
    },
    notes: input.notes ?? [],
  };
}

/** What rules alone do with packets. */
export function rulesetSide(ruleset: Ruleset, node: NodeContext): Side {
  return {
    frontends: findFrontends(ruleset, node.chainPrefix),
    entry: entryText(ruleset, node.chainPrefix),
    verdictOf: (packet) => traceRuleset(ruleset, packet, node).verdict,
  };
}

const nouns: Readonly<Record<BackendName, readonly [string, string]>> = {
  iptables: ['transaction', 'chain'],
  ipvs: ['script', 'part'],
};

/** Rules shown of one family's differences. Beyond that they are counted. */
const maxDiffLines = 400;

export interface ReportPaint extends Paint {
  readonly danger: (text: string) => string;
}

/**
 * The report for a terminal: what changes for traffic, the rules, the cost, and last, where it is
 * not scrolled away, what is dangerous.
 *
 * withRules   false: without the differences by chain
 */
export function reportText(report: FamilyReport, paint: ReportPaint, withRules: boolean): string {
  const { family, backend, source, services, dangers, chains, cost, notes } = report;
  const warnings = dangers.map(({ message }) => paint.danger(`  ! ${message}\n`)).join('');
  const rest = notes.map((note) => `  ${note}\n`).join('');
  if (cost.transactions === 0) return `${family}, against ${source}: nothing to do\n${rest}${warnings}`;
  const title = `${family}, against ${source}: ${counted(services.length, 'Service')} with changes for traffic`;
  const sentences = services.map(({ sign, service, text }) => `  ${sign} ${service}: ${text}\n`).join('');
  const rules = withRules ? `\n${chainDiffsText(chains, paint, maxDiffLines)}\n` : '';
  const [call, part] = nouns[backend];
  const price = `  cost: ${counted(cost.transactions, call)}, ${counted(cost.lines, 'line')}, ${counted(cost.chains, part)}\n`;
  return `${paint.heading(title)}\n${sentences}${rules}${price}${rest}${warnings}`;
}

/** `1 chain`, `2 chains`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
