import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { Maker } from '../maker.ts';
import { link } from './link.ts';
import { hiddenNames } from './names.ts';
import { lower } from './lower.ts';
import { checkProgram } from './program/check.ts';
import { printProgram } from './program/print.ts';
import type { NftProgram } from './program/program.ts';
import type { NftablesUnit } from './unit.ts';

/** One document for both families: tables of nft know their family. */
function files(program: NftProgram, node: NodeContext): ReadonlyMap<string, string> {
  const isUsed =
    program.family === 'IPv4' ||
    node.addresses.length > 0 ||
    [...program.sets.values()].some(({ elements }) => elements.size > 0);
  return new Map([['nft', isUsed ? printProgram(program) : '']]);
}

/** Its own chains and sets, those that it shares with Service ports like it, and its elements of the standing sets. */
function printUnit(unit: NftablesUnit, node: NodeContext): string {
  const { sets, chains, ...program } = link(new Map([[unit.id, unit]]), node);
  const ownChains = new Set<string>([...unit.chains.map(({ name }) => name), ...unit.spreads.map(({ name }) => name)]);
  const ownSets = new Set<string>(unit.sets.map(({ name }) => name));
  return printProgram({
    ...program,
    sets: new Map([...sets].filter(([name, { elements }]) => ownSets.has(name) || elements.size > 0)),
    chains: new Map([...chains].filter(([name]) => ownChains.has(name))),
  });
}

/** The pure half of the backend. */
export const nftables: Maker<NftablesUnit, NftProgram> = {
  name: 'nftables',
  wholeOf: () => undefined,
  lower,
  leftOut: () => [],
  link,
  check: (program) => checkProgram(program),
  print: printProgram,
  printUnit,
  hiddenNames,
  files,
};
