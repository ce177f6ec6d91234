import { endpointText } from '../../../compiler/ir/ir.ts';
import { type Family, hostCidr, type IpAddress } from '../../../compiler/values/address.ts';
import type { Protocol } from '../../../compiler/values/port.ts';
import type { ChainPrefix } from '../../../compiler/settings.ts';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { chainName, makeChain } from '../../netfilter/chain.ts';
import { chainUnder, ruleUnder } from '../../netfilter/prefix.ts';
import { rulesetText } from '../../netfilter/text/document.ts';
import { linkName } from './link-name.ts';
import type { IpvsProgram, IpvsUnit } from './program.ts';
import type { Forwarding, Frontend, RealServer, VirtualServer } from './servers.ts';
import { type IpSet, setName } from './sets.ts';

const protocolOptions: Readonly<Record<Protocol, string>> = { TCP: '-t', UDP: '-u', SCTP: '--sctp-service' };
const forwardingOptions: Readonly<Record<Forwarding, string>> = { masquerade: '-m', route: '-g', tunnel: '-i' };

/** `-t 10.96.0.1:80`: how ipvsadm names a virtual server. */
export function serverWords(server: Frontend): string {
  return `${protocolOptions[server.protocol]} ${endpointText(server)}`;
}

/** `-t 10.96.0.1:80 -s rr -p 10800`, as `ipvsadm --save -n` prints it behind `-A`. */
export function parameterWords(server: VirtualServer): string {
  const words = [serverWords(server), `-s ${server.scheduler}`];
  if (server.persistenceSeconds !== undefined) words.push(`-p ${server.persistenceSeconds}`);
  if (server.other !== '') words.push(server.other);
  if (server.flags.length > 0) words.push(`-b ${server.flags.join()}`);
  return words.join(' ');
}

/** `-t 10.96.0.1:80 -r 10.1.0.2:80 -m -w 1`, as it follows `-a`. */
export function realWords(server: Frontend, real: RealServer): string {
  const words = [realName(server, real), forwardingOptions[real.forwarding], `-w ${real.weight}`];
  if (real.other !== '') words.push(real.other);
  return words.join(' ');
}

/** `-t 10.96.0.1:80 -r 10.1.0.2:80`. */
export function realName(server: Frontend, real: Pick<RealServer, 'address' | 'port'>): string {
  return `${serverWords(server)} -r ${endpointText(real)}`;
}

/** Lines that `ipvsadm --restore` takes and `ipvsadm --save -n` gives, real servers behind their virtual server. */
export function serverLines(servers: Iterable<VirtualServer>): readonly string[] {
  return [...servers].flatMap((server) => [
    `-A ${parameterWords(server)}`,
    ...server.reals.map((real) => `-a ${realWords(server, real)}`),
  ]);
}

/** Lines that `ipset restore` takes and `ipset save` gives, but for what the kernel chooses by itself. */
export function setLines(sets: Iterable<IpSet>): readonly string[] {
  return [...sets].flatMap((set) => [
    `create ${set.name} ${set.definition}`,
    ...set.entries.map((entry) => `add ${set.name} ${entry}`),
  ]);
}

export function addressLines(addresses: Iterable<IpAddress>): readonly string[] {
  return [...addresses].map((address) => hostCidr(address));
}

/** Lines for `sysctl -p`. */
export function sysctlLines(sysctls: ReadonlyMap<string, string>): readonly string[] {
  return [...sysctls].map(([name, value]) => `${name}=${value}`);
}

/**
 * Lines as a document that ends in a line break; nothing for no lines.
 *
 * throws   when a line is not printable ASCII: all of slicewright's values are, so a value was never parsed
 */
export function document(lines: readonly string[]): string {
  const strange = lines.find((line) => !/^[ -~]+$/.test(line));
  if (strange !== undefined) throw new Error(`a document must not say ${JSON.stringify(strange)}`);
  return lines.map((line) => `${line}\n`).join('');
}

/** A document per tool, loadable by it: `ipvsadm -R`, `ipset restore`, `iptables-restore`, `sysctl -p`. */
export function programFiles(program: IpvsProgram): ReadonlyMap<string, string> {
  return new Map([
    [dumpFiles.servers, document(serverLines(program.servers.values()))],
    [dumpFiles.sets, document(setLines(program.sets.values()))],
    [rulesFile(program.family), rulesetText(program.rules)],
    [dumpFiles.addresses(program.prefix), document(addressLines(program.addresses))],
    [dumpFiles.sysctls, document(sysctlLines(program.sysctls))],
  ]);
}

/** The file names of `compile --out` for what both families share, one each. */
export const dumpFiles = {
  servers: 'ipvsadm-save',
  sets: 'ipset-save',
  addresses: (prefix: ChainPrefix) => `${linkName(prefix)}-addrs`,
  sysctls: 'ipvs.sysctls',
} as const;

export function rulesFile(family: Family): string {
  return family === 'IPv4' ? 'ipvs.iptables-save' : 'ipvs.ip6tables-save';
}

/** One readable document, a section per tool, in the order in which the parts depend on each other. */
export function printProgram(program: IpvsProgram): string {
  const { family, prefix } = program;
  return sectionsText(family, [
    ['sysctl', document(sysctlLines(program.sysctls))],
    ['ipset save', document(setLines(program.sets.values()))],
    ['ipvsadm --save -n', document(serverLines(program.servers.values()))],
    [rulesTool(family), rulesetText(program.rules)],
    [`addresses of ${linkName(prefix)}`, document(addressLines(program.addresses))],
  ]);
}

/** The share of one Service port, with the sections that it has something in. What yields to another one is in it too. */
export function printUnit(unit: IpvsUnit, { family, chainPrefix: prefix }: NodeContext): string {
  const entries = [...unit.entries, ...unit.nodePorts.entries].map(
    ({ set, entry }) => `add ${setName(set, family, prefix)} ${entry}`,
  );
  const outFilter = unit.outFilter.map((rule) => ruleUnder(rule, prefix));
  const chain = makeChain(family, 'filter', chainUnder(chainName('KUBE-IPVS-OUT-FILTER'), prefix), outFilter);
  const sections: readonly Section[] = [
    ['ipset save', document([...new Set(entries)])],
    ['ipvsadm --save -n', document(serverLines([...unit.servers, ...unit.nodePorts.servers]))],
    [rulesTool(family), document(chain.lines)],
    [`addresses of ${linkName(prefix)}`, document(addressLines(new Set(unit.bind)))],
  ];
  return sectionsText(
    family,
    sections.filter(([, text]) => text !== ''),
  );
}

/** What a tool would show, under a title. */
type Section = readonly [title: string, text: string];

function sectionsText(family: Family, sections: readonly Section[]): string {
  return sections.map(([title, text]) => `# ${title} (${family})\n${text}`).join('\n');
}

function rulesTool(family: Family): string {
  return family === 'IPv4' ? 'iptables-save' : 'ip6tables-save';
}
