import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { Maker } from '../maker.ts';
import { checkRuleset } from '../netfilter/check.ts';
import { linkProgram } from './program/link.ts';
import { lowerServicePort } from './program/lower.ts';
import { printProgram, printUnit, programFiles } from './program/print.ts';
import type { IpvsProgram, IpvsUnit } from './program/program.ts';

/**
 * A document per tool. The tools' documents hold both families; an IPv4 node without a Service of
 * IPv6 has no use for IPv6's sets and rules, and gets none.
 */
function files(program: IpvsProgram, node: NodeContext): ReadonlyMap<string, string> {
  const isUsed = program.family === 'IPv4' || program.servers.size > 0 || node.addresses.length > 0;
  const documents = programFiles(program);
  return isUsed ? documents : new Map([...documents].map(([name]) => [name, '']));
}

export const ipvs: Maker<IpvsUnit, IpvsProgram> = {
  name: 'ipvs',
  wholeOf: () => undefined,
  lower: (ir, node) => lowerServicePort(ir, node),
  leftOut: () => [],
  link: linkProgram,
  check: (program) => checkRuleset(program.rules, new Set(program.rules.chains.keys())),
  print: printProgram,
  printUnit,
  hiddenNames: () => [],
  files,
};
