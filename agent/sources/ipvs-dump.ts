import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { asApplied } from '../../backends/ipvs/applied.ts';
import { frontendsName } from '../../backends/ipvs/ledger.ts';
import { ownChainsOf } from '../../backends/ipvs/own-chains.ts';
import { parseBound, parseServers, parseSets } from '../../backends/ipvs/parse.ts';
import { rulesFile } from '../../backends/ipvs/print.ts';
import { type IpvsProgram, linkName } from '../../backends/ipvs/program.ts';
import { linkWith, ourSetNames, programIn, type Reading } from '../../backends/ipvs/reading.ts';
import type { ServerKey, VirtualServer } from '../../backends/ipvs/servers.ts';
import { parseSysctls } from '../../backends/sysctl.ts';
import { ownerOf, withMark } from '../../backends/netfilter/ownership.ts';
import { parseSave, type Save } from '../../backends/netfilter/parse.ts';
import type { ChainPrefix } from '../../compiler/settings.ts';
import { type Family, families, familyOf, type IpAddress, parseAddress } from '../../compiler/values/address.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { fileProblem, InputError } from '../input-error.ts';
import { unreadable } from './files.ts';

/** What the tools showed of some node in IPVS mode, in one family. */
export interface IpvsDump {
  readonly path: string;
  readonly program: IpvsProgram;
}

/**
 * The dumps of a folder: what `compile --out` wrote for IPVS, or what the tools printed on a node, into files of
 * the same names. Both families share them, but for the rules.
 *
 * Our bookkeeping among the sets says which virtual servers are ours; in a folder without it, which `compile`
 * writes, all are.
 *
 * throws   InputError: no folder, or not all files are there, or one is cut short; nothing is concluded from a part
 */
export function readIpvsDumps(path: string, prefix: ChainPrefix): IpvsDump[] {
  const problems: Diagnostic[] = [];
  const texts = readTexts(path, prefix, problems);
  const dumps =
    texts === undefined ? [] : families.flatMap((family) => readFamily(path, family, prefix, texts, problems));
  if (problems.length > 0) throw new InputError(problems);
  return dumps;
}

interface Texts {
  readonly servers: ReadonlyMap<ServerKey, VirtualServer>;
  readonly sets: string;
  readonly addresses: readonly IpAddress[];
  readonly sysctls: ReadonlyMap<string, string>;
}

function readTexts(path: string, prefix: ChainPrefix, problems: Diagnostic[]): Texts | undefined {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
    const message = 'is not a folder: a node in IPVS mode is more than one file, see docs/commands.md';
    problems.push(fileProblem(path, 'no-dump', message));
    return undefined;
  }
  const read = (name: string, of: string): string => {
    const file = join(path, name);
    if (!existsSync(file)) {
      problems.push(fileProblem(file, 'no-dump', `is missing: ${of} cannot be known without it`));
      return '';
    }
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      problems.push(unreadable(file, error));
      return '';
    }
  };
  return {
    servers: parseServers(read('ipvsadm-save', 'virtual servers')),
    sets: read('ipset-save', 'sets'),
    addresses: parseAddresses(read(`${linkName(prefix)}-addrs`, 'bound addresses')),
    sysctls: parseSysctls(read('ipvs.sysctls', 'kernel settings')),
  };
}

/** `10.96.0.1/32` a line, or what `ip -o address show` prints. */
function parseAddresses(text: string): readonly IpAddress[] {
  const plain = text.split('\n').flatMap((line) => parseAddress(line.trim().replace(/\/(32|128)$/, '')) ?? []);
  return plain.length > 0 ? plain : parseBound(text);
}

function readFamily(
  path: string,
  family: Family,
  prefix: ChainPrefix,
  texts: Texts,
  problems: Diagnostic[],
): IpvsDump[] {
  const file = join(path, rulesFile(family));
  if (!existsSync(file)) {
    // A node without IPv6 has no rules of it.
    const isUsed = [...texts.servers.values()].some(({ address }) => familyOf(address) === family);
    if (isUsed || family === 'IPv4') {
      problems.push(fileProblem(file, 'no-dump', `is missing: ${family} rules cannot be known without it`));
    }
    return [];
  }
  const save = parseSave(readFileSync(file, 'utf8'), family, withMark(ownChainsOf(prefix)).isOurs);
  if (!save.complete) {
    problems.push(fileProblem(file, 'bad-dump', 'is not what iptables-save prints, or cut short'));
    return [];
  }
  return [{ path, program: programOf(family, prefix, texts, save) }];
}

function programOf(
  family: Family,
  prefix: ChainPrefix,
  { servers, sets, addresses, sysctls }: Texts,
  { ruleset, foreign }: Save,
): IpvsProgram {
  const names = ourSetNames(family, prefix);
  const tools = { family, mode: 'nft', save: '', restore: '', iptables: '' } as const;
  const reading: Reading = {
    ...{ family, prefix, servers, sysctls },
    sets: parseSets(sets, (name) => names.all.has(name)),
    link: linkWith(addresses, family),
    tables: {
      ...{ family, tools, ruleset, foreign, owner: ownerOf(ruleset, prefix), rival: undefined, fingerprint: '' },
    },
  };
  if (reading.sets.has(frontendsName(family, prefix))) return programIn(reading);
  return asApplied(programIn(reading, new Set(servers.keys())));
}
