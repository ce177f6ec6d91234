import { type Family, families, familyOf, type IpAddress, parseAddress } from '../../../compiler/values/address.ts';
import type { DumpProblem, DumpReading, DumpSource, Observed } from '../../backend.ts';
import { parseSysctls } from '../../host/sysctl.ts';
import type { OwnChains } from '../../netfilter/own-chains.ts';
import { ownerOf, withMark } from '../../netfilter/ownership.ts';
import { parseSave, type Save } from '../../netfilter/text/parse.ts';
import { asApplied } from '../program/applied.ts';
import { frontendsName } from '../program/ledger.ts';
import { parseBound, parseServers, parseSets } from '../program/parse.ts';
import { dumpFiles, rulesFile } from '../program/print.ts';
import type { IpvsProgram } from '../program/program.ts';
import { linkWith, ourSetNames, programIn, type Reading } from '../program/reading.ts';
import type { ServerKey, VirtualServer } from '../program/servers.ts';
import type { Planner } from './plan.ts';

/**
 * The dumps of a folder: what `compile --out` wrote for IPVS, or what the tools printed on a node, into files of
 * the same names. Both families share them, but for the rules.
 *
 * The bookkeeping sets show which virtual servers are slicewright's; in a folder without them, which `compile`
 * writes, all are.
 */
export function readDump(source: DumpSource, own: OwnChains, planner: Planner): DumpReading {
  if (source.kind === 'file') {
    const message = 'is not a folder: a node in IPVS mode is more than one file, see docs/commands.md';
    return { observed: [], problems: [{ path: source.path, code: 'no-dump', message }] };
  }
  const folder = { ...source, path: source.path.replace(/\/$/, '') };
  const problems: DumpProblem[] = [];
  const texts = readTexts(folder, own, problems);
  const observed = families.flatMap((family) => readFamily(folder, family, own, texts, planner, problems));
  return { observed, problems };
}

type Folder = Extract<DumpSource, { kind: 'folder' }>;

interface Texts {
  readonly servers: ReadonlyMap<ServerKey, VirtualServer>;
  readonly sets: string;
  readonly addresses: readonly IpAddress[];
  readonly sysctls: ReadonlyMap<string, string>;
}

function readTexts({ path, read }: Folder, { prefix }: OwnChains, problems: DumpProblem[]): Texts {
  const textOf = (name: string, of: string): string => {
    const text = read(name);
    if (text !== undefined) return text;
    problems.push({
      path: `${path}/${name}`,
      code: 'no-dump',
      message: `is missing: ${of} cannot be known without it`,
    });
    return '';
  };
  return {
    servers: parseServers(textOf(dumpFiles.servers, 'virtual servers')),
    sets: textOf(dumpFiles.sets, 'sets'),
    addresses: parseAddresses(textOf(dumpFiles.addresses(prefix), 'bound addresses')),
    sysctls: parseSysctls(textOf(dumpFiles.sysctls, 'kernel settings')),
  };
}

/** `10.96.0.1/32` a line, or what `ip -o address show` prints. */
function parseAddresses(text: string): readonly IpAddress[] {
  const plain = text.split('\n').flatMap((line) => parseAddress(line.trim().replace(/\/(32|128)$/, '')) ?? []);
  return plain.length > 0 ? plain : parseBound(text);
}

function readFamily(
  { path, read }: Folder,
  family: Family,
  own: OwnChains,
  texts: Texts,
  planner: Planner,
  problems: DumpProblem[],
): Observed[] {
  const file = `${path}/${rulesFile(family)}`;
  const text = read(rulesFile(family));
  if (text === undefined) {
    // A node without IPv6 has no rules of it.
    const isUsed = [...texts.servers.values()].some(({ address }) => familyOf(address) === family);
    if (isUsed || family === 'IPv4') {
      const message = `is missing: ${family} rules cannot be known without it`;
      problems.push({ path: file, code: 'no-dump', message });
    }
    return [];
  }
  const save = parseSave(text, family, withMark(own).isOurs);
  if (!save.complete) {
    problems.push({ path: file, code: 'bad-dump', message: 'is not what iptables-save prints, or cut short' });
    return [];
  }
  return [planner.observed(path, programOf(family, own, texts, save), [], undefined, save.foreign)];
}

function programOf(
  family: Family,
  own: OwnChains,
  { servers, sets, addresses, sysctls }: Texts,
  { ruleset, foreign }: Save,
): IpvsProgram {
  const { prefix } = own;
  const names = ourSetNames(family, prefix);
  const tools = { family, mode: 'nft', save: '', restore: '', iptables: '' } as const;
  const reading: Reading = {
    ...{ family, prefix, servers, sysctls },
    sets: parseSets(sets, (name) => names.all.has(name)),
    link: linkWith(addresses, family),
    tables: {
      ...{ family, own, tools, ruleset, foreign, owner: ownerOf(ruleset, prefix), rival: undefined, fingerprint: '' },
    },
  };
  if (reading.sets.has(frontendsName(family, prefix))) return programIn(reading);
  return asApplied(programIn(reading, new Set(servers.keys())));
}
