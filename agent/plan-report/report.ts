import { countEndpoints, findFrontends } from '../../backends/iptables/frontends.ts';
import { diffRulesets } from '../../backends/netfilter/diff.ts';
import type { OwnChains } from '../../backends/netfilter/own-chains.ts';
import { ownersIn } from '../../backends/netfilter/owners.ts';
import type { Foreign } from '../../backends/netfilter/parse.ts';
import type { RestoreStep } from '../../backends/netfilter/plan.ts';
import type { Ruleset } from '../../backends/netfilter/rule.ts';
import { traceRuleset } from '../../backends/netfilter/trace.ts';
import { lineCount } from '../../backends/netfilter/transaction.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { Family } from '../../compiler/values/address.ts';
import { type ChainDiff, chainDiffsText, diffChains, type Paint } from './chains.ts';
import { type Danger, findDangers } from './dangers.ts';
import { type ClusterOf, describeChanges, type ServiceSentence } from './sentences.ts';
import { compareTraffic, type FrontendChange, type Side } from './traffic.ts';

/** What performing a plan takes. */
export interface Cost {
  readonly transactions: number;
  readonly lines: number;
  readonly chains: number;
}

/** Everything that people and programs are told of one family's plan. */
export interface FamilyReport {
  readonly family: Family;
  /** What the plan starts from: `the kernel (nft)`, a file's name. */
  readonly source: string;
  readonly services: readonly ServiceSentence[];
  readonly frontends: readonly FrontendChange[];
  readonly dangers: readonly Danger[];
  readonly chains: readonly ChainDiff[];
  readonly cost: Cost;
}

export interface PlannedFamily {
  readonly source: string;
  readonly observed: Ruleset;
  readonly foreign: Foreign | undefined;
  readonly desired: Ruleset;
  readonly steps: readonly RestoreStep[];
  readonly node: NodeContext;
  /** Of the place itself, whatever the plan does there. */
  readonly dangers: readonly Danger[];
}

export function makeReport(planned: PlannedFamily, own: OwnChains, clusterOf: ClusterOf): FamilyReport {
  const { source, observed, foreign, desired, steps, node } = planned;
  const side = (ruleset: Ruleset): Side => ({
    frontends: findFrontends(ruleset),
    verdictOf: (packet) => traceRuleset(ruleset, packet, node).verdict,
  });
  const frontends = compareTraffic(side(observed), side(desired), node.family, node.nodeIP);
  const chains = diffChains(diffRulesets(observed, desired), ownersIn([desired, observed], own));
  return {
    family: node.family,
    source,
    services: describeChanges(frontends, clusterOf),
    frontends,
    dangers: [...planned.dangers, ...findDangers(frontends, countEndpoints(observed), observed, desired, foreign)],
    chains,
    cost: {
      transactions: steps.length,
      lines: steps.reduce((sum, { document }) => sum + lineCount(document.tables), 0),
      chains: chains.filter(({ change }) => change !== 'hooks').length,
    },
  };
}

/** Rules shown of one family's differences. Beyond that they are counted. */
const maxDiffLines = 400;

export interface ReportPaint extends Paint {
  readonly danger: (text: string) => string;
}

/** The report for a terminal: what changes for traffic, what is dangerous, the rules, the cost. */
export function reportText(report: FamilyReport, paint: ReportPaint): string {
  const { family, source, services, dangers, chains, cost } = report;
  const warnings = dangers.map(({ message }) => paint.danger(`  ! ${message}\n`)).join('');
  if (cost.transactions === 0) return `${family}, against ${source}: nothing to do\n${warnings}`;
  const sentences = services.map(({ sign, service, text }) => `  ${sign} ${service}: ${text}\n`).join('');
  const { transactions, lines, chains: chainCount } = cost;
  return [
    `${paint.heading(`${family}, against ${source}: ${counted(services.length, 'Service')} with changes for traffic`)}\n`,
    sentences,
    warnings,
    '\n',
    chainDiffsText(chains, paint, maxDiffLines),
    '\n',
    `cost: ${counted(transactions, 'transaction')}, ${counted(lines, 'line')}, ${counted(chainCount, 'chain')}\n`,
  ].join('');
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
