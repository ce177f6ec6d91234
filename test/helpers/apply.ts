import { assemble } from '../../backends/assemble.ts';
import { iptables } from '../../backends/iptables/index.ts';
import { ownChains } from './scope.ts';
import type { Run } from '../../backends/command.ts';
import { ApplyError, type ApplyOptions, type ApplyReport, applyTarget } from '../../backends/iptables/live/apply.ts';
import { rulesetText } from '../../backends/netfilter/text/document.ts';
import { jumpTarget } from '../../backends/netfilter/text/lines.ts';
import { observe, type Target } from '../../backends/netfilter/live/observation.ts';
import { withMark } from '../../backends/netfilter/ownership.ts';
import { parseSave } from '../../backends/netfilter/text/parse.ts';
import type { Family } from '../../compiler/values/address.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import { clusterIP, endpoint, makeIR, makeNode, service } from './ir.ts';

/** Tools for tests that apply rules, on fake tables and on real ones. */

export const nothing: Target = { program: undefined, services: [] };

export function target(...services: readonly ServicePortIR[]): Target {
  return { program: assemble(iptables, services, makeNode()).program, services };
}

const names = ['ant', 'bee', 'cow', 'dog', 'elk', 'fox', 'gnu'];

/** Seven Services with as many endpoints each; endpoint k of Service i is 10.1.i.k:8080. */
export function servicesWith(endpoints: number, more: Partial<ServicePortIR> = {}): ServicePortIR[] {
  return names.map((name, i) =>
    makeIR(
      [clusterIP(`10.96.0.${i + 1}`, 80)],
      Array.from({ length: endpoints }, (_, k) => endpoint(`10.1.${i + 1}.${k + 1}:8080`)),
      { service: service(`shop/${name}`), ...more },
    ),
  );
}

export function textOf({ program }: Target): string {
  return program === undefined ? '' : rulesetText(program);
}

/** Applies as a command does: reads, then applies. */
export async function apply(
  run: Run,
  wanted: Target,
  options: ApplyOptions = {},
  family: Family = 'IPv4',
): Promise<ApplyReport> {
  return applyTarget(run, await observe(run, family, ownChains), wanted, ownChains, options);
}

export async function failureOf(work: Promise<unknown>): Promise<ApplyError> {
  const error = await work.then(
    () => undefined,
    (problem: unknown) => problem,
  );
  if (!(error instanceof ApplyError)) throw new Error(`expected an ApplyError, got ${String(error)}`);
  return error;
}

/** slicewright's part of what iptables-save shows, without the mark, comparable with a program's text. */
export function oursIn(saved: string, family: Family = 'IPv4'): string {
  return rulesetText(parseSave(saved, family, ownChains.isOurs).ruleset);
}

/** The other programs' part of what iptables-save shows: chains and rules, each with its table. */
export function theirsIn(saved: string): string[] {
  const { isOurs } = withMark(ownChains);
  let table = '';
  return saved.split('\n').flatMap((line) => {
    if (line.startsWith('*')) table = line;
    const chain = (line.startsWith(':') ? line.slice(1).split(' ')[0] : line.split(' ')[1]) ?? '';
    const isTheirs = /^(-|:.* - )/.test(line) && !isOurs('nat', chain) && !isOurs('nat', jumpTarget(line) ?? '');
    return isTheirs ? [`${table} ${line}`] : [];
  });
}
