import { scopeFor } from '../helpers/scope.ts';
import type { Run } from '../../backends/command.ts';
import { assemble } from '../../backends/assemble.ts';
import { applyProgram, type IpvsApplyOptions, type IpvsReport } from '../../backends/ipvs/live/apply.ts';
import { ipvs } from '../../backends/ipvs/index.ts';
import type { IpvsProgram } from '../../backends/ipvs/program/program.ts';
import { document, serverLines, setLines } from '../../backends/ipvs/program/print.ts';
import { markerOf } from '../../backends/netfilter/prefix.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { Family } from '../../compiler/values/address.ts';

/**
 * One family of a node to which programs are applied in turn, as an agent does: each apply reads the state that the
 * previous one left.
 */
export interface LiveNode {
  /** Throws unless a reading afterwards shows the wanted state of every Service. */
  apply(services: readonly ServicePortIR[], node: NodeContext, options?: IpvsApplyOptions): Promise<IpvsReport>;
  /** Removes everything of slicewright's. */
  remove(): Promise<void>;
  program(): IpvsProgram | undefined;
}

export function openNode(run: Run, family: Family): LiveNode {
  let observed: IpvsProgram | undefined;
  const start = () => (observed === undefined ? {} : { start: observed });
  return {
    async apply(services, node, options = {}) {
      const { program } = assemble(ipvs, services, node);
      const report = await applyProgram(run, scopeFor(family), { program, services }, { ...start(), ...options });
      observed = report.observed;
      if (report.quarantined.length > 0) throw new Error(`left out: ${JSON.stringify(report.quarantined)}`);
      return report;
    },
    async remove() {
      await applyProgram(run, scopeFor(family), { program: undefined, services: [] }, { ...start(), cut: true });
      observed = undefined;
    },
    program: () => observed,
  };
}

/** The text of a program, without the parts that accompany every program and those that only a kernel knows. */
export function programText(program: IpvsProgram): string {
  const chains = [...program.rules.chains.values()].filter(({ name }) => name !== markerOf(program.prefix));
  return document([
    ...serverLines(program.servers.values()),
    ...setLines(program.sets.values()),
    ...program.addresses,
    ...chains.flatMap(({ table, name, lines }) => [`${table} ${name}`, ...lines.map((line) => `  ${line}`)]).sort(),
    ...program.rules.hooks.map(({ table, line }) => `${table} ${line}`).sort(),
  ]);
}

/** The contents of a host's kernel, read by the tools; on a clean host only other programs' parts. */
export async function remains(run: Run): Promise<readonly string[]> {
  const lines = async (file: string, args: readonly string[]) => (await run(file, args)).stdout.split('\n');
  const rules = [...(await lines('iptables-save', [])), ...(await lines('ip6tables-save', []))];
  return [
    ...(await lines('ipvsadm', ['--save', '-n'])),
    ...(await lines('ipset', ['save'])),
    ...rules.filter((line) => /KUBE|SLICEWRIGHT/.test(line)),
    ...(await lines('ip', ['-o', 'link', 'show'])).filter((line) => line.includes('kube-ipvs0')),
  ].filter((line) => line !== '');
}
