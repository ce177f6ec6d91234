import { add, compareRationals, divide, isZero, one, type Rational } from '../values/rational.ts';
import type { Trace, TraceStep } from './packet.ts';

/** A rule on a packet's way, with the rules that it led to. */
export interface WayStep {
  readonly where: string;
  readonly rule: string;
  /** Part of all connections that met it here, whichever branch they took. */
  readonly share: Rational;
  readonly skipped?: TraceStep['skipped'];
  /** The steps that it led to, in order; empty where `isRepeated`. */
  readonly steps: readonly WayStep[];
  /** It led to the same rules, with the same parts of its connections, as an earlier step. */
  readonly isRepeated: boolean;
}

/**
 * A trace as a tree in which each rule appears once: branches that reach one rule through the same chains become one
 * step, and a chain that was shown is not shown again. Shares that meet are added exactly.
 */
export function wayOf({ steps }: Trace): readonly WayStep[] {
  const roots = createNode(undefined);
  const open: Node[] = [];
  for (const step of steps) {
    const parent = open[step.depth - 1] ?? roots;
    const node = childOf(parent, step);
    open.splice(step.depth, open.length, node);
  }
  const shown = new Set<string>();
  return roots.children.map((node) => finish(node, shown));
}

interface Node {
  readonly step: TraceStep | undefined;
  share: Rational;
  readonly children: Node[];
  readonly byRule: Map<string, Node>;
}

function createNode(step: TraceStep | undefined): Node {
  return { step, share: step?.share ?? one, children: [], byRule: new Map() };
}

function childOf(parent: Node, step: TraceStep): Node {
  const key = `${step.where}\n${step.rule}`;
  const known = parent.byRule.get(key);
  const share = known && add(known.share, step.share);
  // If more connections met the rule than came here, it is another rule with the same text.
  if (known !== undefined && share !== undefined && compareRationals(share, parent.share) <= 0) {
    known.share = share;
    return known;
  }
  const made = createNode(step);
  parent.byRule.set(key, made);
  parent.children.push(made);
  return made;
}

function finish(node: Node, shown: Set<string>): WayStep {
  const { step, share, children } = node;
  const key = children.length === 0 ? undefined : signature(node);
  const isRepeated = key !== undefined && shown.has(key);
  if (key !== undefined) shown.add(key);
  return {
    where: step?.where ?? '',
    rule: step?.rule ?? '',
    share,
    ...(step?.skipped !== undefined && { skipped: step.skipped }),
    steps: isRepeated ? [] : children.map((child) => finish(child, shown)),
    isRepeated,
  };
}

/** Where a step led, with the part of its connections that each rule met. */
function signature(node: Node): string {
  const whole = node.share;
  const inner = (of: Node): unknown =>
    of.children.map((child) => [child.step?.where, child.step?.rule, partOf(child.share, whole), inner(child)]);
  return JSON.stringify(inner(node));
}

function partOf(share: Rational, whole: Rational): string {
  // Shares of large pools have thousands of bits, and the part is nearly always the whole.
  if (isZero(whole) || compareRationals(share, whole) === 0) return '1';
  const { numerator, denominator } = divide(share, whole);
  return `${numerator}/${denominator}`;
}
