import {
  cidrFamily,
  type Family,
  familyOf,
  parseAddress,
  parseCidr,
  splitCidr,
} from '../../../compiler/values/address.ts';
import { type Protocol, parsePort } from '../../../compiler/values/port.ts';
import { unreachable } from '../../../compiler/values/unreachable.ts';
import { type CtState, type Match, parseChainName, parseSetName, type Rule, type Target } from '../rule.ts';

/** conntrack states in the order in which iptables-save prints them, whatever order they were given in. */
export const ctStateOrder: readonly CtState[] = ['INVALID', 'NEW', 'RELATED', 'ESTABLISHED', 'DNAT'];

/** Chance 1 as the kernel keeps it: probabilities are multiples of 2⁻³¹. */
export const certain31 = 2 ** 31;

/** iptables cuts a comment at 255 bytes, so a longer one would not read back as it was written. */
export const maxCommentLength = 255;

/** `-m recent` shows the mask it applies to the source address. */
export function hostMask(family: Family): string {
  return family === 'IPv4' ? '255.255.255.255' : 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff';
}

/**
 * Why a rule must not be printed; undefined if every token is inside its grammar and the rule is
 * one that iptables would take.
 *
 * Types already ensure most of this. It is checked again here, once, because it is the last place
 * before text: iptables-restore takes a line break within a quoted comment for the end of the
 * rule and the rest for another one, without an error.
 */
export function ruleProblem(family: Family, rule: Rule): string | undefined {
  let protocol: Protocol | undefined;
  let needs: Protocol | undefined;
  // Tens of thousands of rules are looked at in a row: nothing is made for one that is fine.
  for (let place = 0; place < rule.matches.length; place++) {
    const match = rule.matches[place]!;
    // The set match may occur twice in a rule (two sets to be in); repeating any other match adds nothing.
    if (match.kind !== 'set' && isRepeated(rule.matches, place)) return `two ${kindOf(match)} matches in one rule`;
    if (match.kind === 'protocol') protocol = match.protocol;
    if (match.kind === 'transport') needs = match.protocol;
    const problem = matchProblem(family, match);
    if (problem !== undefined) return problem;
  }
  if (needs !== undefined && needs !== protocol) return `-m ${needs} without -p ${needs}`;
  if (rule.target === undefined) return undefined;
  if (rule.target.kind === 'dnat' && protocol === undefined) return 'a destination port without -p';
  return targetProblem(family, rule.target);
}

/** Whether a match of the same kind comes before the one at this place. */
function isRepeated(matches: readonly Match[], place: number): boolean {
  const kind = kindOf(matches[place]!);
  for (let before = 0; before < place; before++) if (kindOf(matches[before]!) === kind) return true;
  return false;
}

function kindOf(match: Match): string {
  if (match.kind !== 'recent') return match.kind;
  return match.op === 'set' ? 'recent set' : 'recent check';
}

function matchProblem(family: Family, match: Match): string | undefined {
  switch (match.kind) {
    case 'source':
    case 'destination': {
      if (parseCidr(match.cidr) !== match.cidr) return `${quote(match.cidr)} is not a canonical network`;
      if (cidrFamily(match.cidr) !== family) return `${match.cidr} in an ${family} rule`;
      // Everything is in /0: iptables-save leaves it out, and nft mode refuses its opposite.
      return splitCidr(match.cidr).length === 0 ? `${match.cidr} excludes nothing` : undefined;
    }
    case 'inInterface':
      // The name with its + must stay below the kernel's 16 bytes.
      return /^[A-Za-z0-9][A-Za-z0-9._@-]*$/.test(match.name) && match.name.length <= (match.prefix ? 14 : 15)
        ? undefined
        : `${quote(match.name)} is not an interface name`;
    case 'protocol':
      return undefined;
    case 'transport':
      return match.dport === undefined ? undefined : portProblem(match.dport);
    case 'addrtype':
    case 'physdevIsIn':
    case 'ipvsAny':
      return undefined;
    case 'probability':
      return isWhole(match.of31, 1, certain31) ? undefined : `${quote(match.of31)} is not a chance in 2³¹`;
    case 'recent': {
      if (parseChainName(match.list) === undefined) return `${quote(match.list)} is not a list name`;
      if (match.op === 'set' || isWhole(match.seconds, 1, 0x7fffffff)) return undefined;
      return `${quote(match.seconds)} is not a number of seconds`;
    }
    case 'mark':
      return isWord(match.value) && isWord(match.mask) ? undefined : 'a mark outside 32 bits';
    case 'ctstate':
      return match.states.length > 0 &&
        new Set(match.states).size === match.states.length &&
        match.states.every((state) => ctStateOrder.includes(state))
        ? undefined
        : `${quote(match.states.join())} are not connection states`;
    case 'set':
      return parseSetName(match.name) !== undefined && match.dims.length >= 1 && match.dims.length <= 3
        ? undefined
        : `${quote(match.name)} is not a set with one to three dimensions`;
    case 'ipvs':
      return addressProblem(family, match.address) ?? portProblem(match.port);
    case 'nfacct':
      return isAccountingName(match.name) ? undefined : `${quote(match.name)} is not the name of an accounting object`;
    case 'comment':
      return /^[ -~]+$/.test(match.text) && !/["\\]/.test(match.text) && match.text.length <= maxCommentLength
        ? undefined
        : `${quote(match.text)} is not a comment: 1 to ${maxCommentLength} printable ASCII characters, no " and \\`;
    default:
      return unreachable(match);
  }
}

/** 1 to 31 characters, as the kernel keeps it. */
export function isAccountingName(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,30}$/.test(text);
}

function targetProblem(family: Family, target: Target): string | undefined {
  switch (target.kind) {
    case 'jump':
      if (parseChainName(target.chain) === undefined) return `${quote(target.chain)} is not a chain name`;
      // LOG, MARK, ACCEPT …: a jump to a chain of such a name would read back as something else.
      return /^[A-Z0-9]+$/.test(target.chain) ? `${target.chain} could be an action of the kernel's` : undefined;
    case 'dnat':
      return addressProblem(family, target.address) ?? portProblem(target.port);
    case 'mark':
      return isWord(target.value) && isWord(target.mask) ? undefined : 'a mark outside 32 bits';
    case 'masquerade':
    case 'reject':
    case 'accept':
    case 'drop':
    case 'return':
      return undefined;
    default:
      return unreachable(target);
  }
}

function addressProblem(family: Family, address: string): string | undefined {
  const parsed = parseAddress(address);
  if (parsed === undefined || parsed !== address) return `${quote(address)} is not a canonical address`;
  return familyOf(parsed) === family ? undefined : `${address} in an ${family} rule`;
}

function portProblem(port: number): string | undefined {
  return parsePort(port) === undefined ? `${quote(port)} is not a port` : undefined;
}

function isWord(value: number): boolean {
  return isWhole(value, 0, 0xffffffff);
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

function quote(value: unknown): string {
  return JSON.stringify(value);
}
