import { type Cidr, type Family, splitCidr } from '../../../compiler/values/address.ts';
import { endpointText } from '../../../compiler/ir/ir.ts';
import { protocolText } from '../../../compiler/values/port.ts';
import { unreachable } from '../../../compiler/values/unreachable.ts';
import type { EndpointAddress, Field, Rule, Slots, Statement, Verdict } from './rule.ts';

/** A rule as nft 1.0.6 prints it, which is a fixed point of loading and listing. */
export function printRule(family: Family, { statements, comment }: Rule): string {
  const words = statements.map((statement) => printStatement(family, statement));
  if (comment !== undefined) words.push(quotedComment(comment));
  return words.join(' ');
}

/** `ip` or `ip6`: the family in nft's words, for tables and for what rules ask. */
export function familyWord(family: Family): 'ip' | 'ip6' {
  return family === 'IPv4' ? 'ip' : 'ip6';
}

/**
 * `comment "…"`.
 *
 * throws   when it holds what would end the quote or the line: nft has no way to write it
 */
export function quotedComment(text: string): string {
  if (!/^[ !#-~]{0,128}$/.test(text)) throw new Error(`${JSON.stringify(text)} cannot be a comment`);
  return `comment "${text}"`;
}

export function printVerdict(verdict: Verdict): string {
  return 'chain' in verdict ? `${verdict.kind} ${verdict.chain}` : verdict.kind;
}

/** `10.0.0.1 . 80`, as data of a map. */
export function endpointData({ address, port }: EndpointAddress): string {
  return `${address} . ${port}`;
}

/** `0x00004000`. */
export function markText(mark: number): string {
  return `0x${mark.toString(16).padStart(8, '0')}`;
}

/** nft 1.0.6 prints a mask of the highest bits, as bit 31 is, like that of a network. undefined: another mask. */
function prefixLength(mask: number): number | undefined {
  const length = Math.clz32(~mask >>> 0);
  return length > 0 && mask === (0xffff_ffff << (32 - length)) >>> 0 ? length : undefined;
}

function printStatement(family: Family, statement: Statement): string {
  const ip = familyWord(family);
  const not = 'not' in statement && statement.not ? '!= ' : '';
  switch (statement.kind) {
    case 'ctState':
      return `ct state ${statement.states.join(',')}`;
    case 'ctStatusDnat':
      return 'ct status dnat';
    case 'address':
      return `${ip} ${statement.side} ${not}${networksText(statement.networks)}`;
    case 'inSet':
      return `${fieldsText(family, statement.fields)} ${not}@${statement.set}`;
    case 'inInterface':
      return `iifname ${not}"${statement.name}${statement.prefix ? '*' : ''}"`;
    case 'protocol':
      return `meta l4proto ${protocolText(statement.protocol)}`;
    case 'dport':
      return `${protocolText(statement.protocol)} dport ${statement.port}`;
    case 'dportInSet':
      return `${protocolText(statement.protocol)} dport @${statement.set}`;
    case 'localAddress':
      return `fib ${statement.side} type ${not}local`;
    case 'mark': {
      const length = prefixLength(statement.mask);
      return length === undefined
        ? `meta mark & ${markText(statement.mask)} ${statement.not ? '!=' : '=='} ${markText(statement.value)}`
        : `meta mark ${not}${markText(statement.value)}/${length}`;
    }
    case 'setMark':
      return `meta mark set meta mark ${statement.operation === 'or' ? '|' : '^'} ${markText(statement.bits)}`;
    case 'update':
      return `update @${statement.set} { ${ip} saddr }`;
    case 'verdictMap':
      return `${fieldsText(family, statement.fields)} vmap @${statement.map}`;
    case 'verdictSlots':
      return `numgen random mod ${statement.modulus} vmap ${slotsText(statement.slots, printVerdict)}`;
    case 'counter':
      return 'counter packets 0 bytes 0';
    case 'dnat':
      return `dnat to ${endpointText(statement.to)}`;
    case 'dnatSlots':
      return `dnat ${ip} to numgen random mod ${statement.modulus} map ${slotsText(statement.slots, endpointData)}`;
    case 'dnatMap': {
      const fields = statement.fields.map((field) =>
        field === 'dport' ? `${protocolText(statement.protocol)} dport` : fieldText(family, field),
      );
      return `dnat ${ip} to ${fields.join(' . ')} . numgen random mod ${statement.modulus} map @${statement.map}`;
    }
    case 'masquerade':
      return statement.fullyRandom ? 'masquerade fully-random' : 'masquerade';
    case 'reject':
      return 'reject';
    case 'verdict':
      return printVerdict(statement.verdict);
    default:
      return unreachable(statement);
  }
}

function fieldsText(family: Family, fields: readonly Field[]): string {
  return fields.map((field) => fieldText(family, field)).join(' . ');
}

export function fieldText(family: Family, field: Field): string {
  switch (field) {
    case 'saddr':
    case 'daddr':
      return `${familyWord(family)} ${field}`;
    case 'l4proto':
      return 'meta l4proto';
    case 'dport':
      return 'th dport';
    default:
      return unreachable(field);
  }
}

function networksText(networks: readonly Cidr[]): string {
  const texts = networks.map(networkText);
  return texts.length === 1 ? String(texts[0]) : `{ ${texts.join(', ')} }`;
}

/** A network of one address prints as the address. */
export function networkText(cidr: Cidr): string {
  const { address, length } = splitCidr(cidr);
  return length === (address.includes(':') ? 128 : 32) ? address : cidr;
}

function slotsText<Outcome>(slots: readonly Slots<Outcome>[], print: (outcome: Outcome) => string): string {
  const texts = slots.map(({ from, to, outcome }) => `${from === to ? from : `${from}-${to}`} : ${print(outcome)}`);
  return `{ ${texts.join(', ')} }`;
}
