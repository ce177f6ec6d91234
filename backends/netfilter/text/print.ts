import type { Family } from '../../../compiler/values/address.ts';
import { endpointText } from '../../../compiler/ir/ir.ts';
import { type Protocol, protocolText } from '../../../compiler/values/port.ts';
import { unreachable } from '../../../compiler/values/unreachable.ts';
import { certain31, ctStateOrder, hostMask, ruleProblem } from './grammar.ts';
import type { Match, Rule, Target } from '../rule.ts';

/**
 * A rule as iptables-save 1.8.9 prints it, in nft and legacy mode alike: `-A KUBE-SEP-… -s
 * 10.0.0.9/32 -j KUBE-MARK-MASQ`. That form is a fixed point of restore and save, so what is
 * wanted and what is found compare as text.
 *
 * throws   when a token is outside its grammar ({@link ruleProblem}); no value that came through
 *          its parser is, so this is a defect and not an input error
 */
export function printRule(family: Family, chain: string, rule: Rule): string {
  const problem = ruleProblem(family, rule);
  if (problem !== undefined) throw new Error(`rule of chain ${chain} cannot be printed: ${problem}`);
  const parts = ['-A', chain];
  for (const kind of headOrder) {
    for (const match of rule.matches) if (match.kind === kind) parts.push(printMatch(family, match));
  }
  for (const match of rule.matches) {
    if (!isHead(match)) parts.push(printMatch(family, match));
  }
  if (rule.target !== undefined) parts.push('-j', printTarget(family, rule.target));
  return parts.join(' ');
}

/** Matches of every IP packet come before the `-m` options, in this order. */
const headOrder = ['source', 'destination', 'inInterface', 'protocol'] as const;

function isHead({ kind }: Match): boolean {
  return kind === 'source' || kind === 'destination' || kind === 'inInterface' || kind === 'protocol';
}

/** IANA numbers: `-m ipvs` prints the protocol as a number. */
export const protocolNumbers: Readonly<Record<Protocol, number>> = { TCP: 6, UDP: 17, SCTP: 132 };

function printMatch(family: Family, match: Match): string {
  switch (match.kind) {
    case 'source':
      return `${not(match)}-s ${toolText(match.cidr)}`;
    case 'destination':
      return `${not(match)}-d ${toolText(match.cidr)}`;
    case 'inInterface':
      return `${not(match)}-i ${match.name}${match.prefix ? '+' : ''}`;
    case 'protocol':
      return `-p ${protocolText(match.protocol)}`;
    case 'transport': {
      const module = `-m ${protocolText(match.protocol)}`;
      return match.dport === undefined ? module : `${module} --dport ${match.dport}`;
    }
    case 'addrtype':
      return `-m addrtype ${not(match)}--${match.side}-type LOCAL`;
    case 'probability':
      return `-m statistic --mode random --probability ${(match.of31 / certain31).toFixed(11)}`;
    case 'recent': {
      const op = match.op === 'set' ? '--set' : `--rcheck --seconds ${match.seconds} --reap`;
      return `-m recent ${op} --name ${match.list} --mask ${hostMask(family)} --rsource`;
    }
    case 'mark': {
      const mask = match.mask === 0xffffffff ? '' : `/${hex(match.mask)}`;
      return `-m mark ${not(match)}--mark ${hex(match.value)}${mask}`;
    }
    case 'ctstate': {
      const states = ctStateOrder.filter((state) => match.states.includes(state));
      return `-m conntrack ${not(match)}--ctstate ${states.join()}`;
    }
    case 'set':
      return `-m set ${not(match)}--match-set ${match.name} ${match.dims.join()}`;
    case 'physdevIsIn':
      return `-m physdev ${not(match)}--physdev-is-in`;
    case 'ipvs':
      return `-m ipvs --vproto ${protocolNumbers[match.protocol]} --vaddr ${toolText(match.address)} --vport ${match.port}`;
    case 'ipvsAny':
      return '-m ipvs --ipvs';
    case 'nfacct':
      // With two blanks, as iptables-save 1.8.9 prints it.
      return `-m nfacct --nfacct-name  ${match.name}`;
    case 'comment':
      return `-m comment --comment ${printComment(match.text)}`;
    default:
      return unreachable(match);
  }
}

function printTarget(family: Family, target: Target): string {
  switch (target.kind) {
    case 'jump':
      return target.chain;
    case 'dnat':
      return `DNAT --to-destination ${toolText(endpointText(target))}`;
    case 'mark':
      return `MARK --set-xmark ${hex(target.value)}/${hex(target.mask)}`;
    case 'masquerade':
      return target.randomFully ? 'MASQUERADE --random-fully' : 'MASQUERADE';
    case 'reject':
      return `REJECT --reject-with ${family === 'IPv4' ? 'icmp-port-unreachable' : 'icmp6-port-unreachable'}`;
    case 'accept':
    case 'drop':
    case 'return':
      return target.kind.toUpperCase();
    default:
      return unreachable(target);
  }
}

/** One plain word has no quotes; in quotes, only the apostrophe is escaped (quotes and backslashes are refused). */
function printComment(text: string): string {
  return /^[A-Za-z0-9_-]+$/.test(text) ? text : `"${text.replaceAll("'", "\\'")}"`;
}

/**
 * inet_ntop, which the tools print by, shows the last four bytes of an address below ::1:0:0 in
 * decimal: `::1:2` as `::0.1.0.2`. Everywhere else it prints the canonical form.
 */
function toolText(text: string): string {
  if (!text.startsWith('::') && !text.startsWith('[::')) return text;
  return text.replace(
    /^(\[?::)([0-9a-f]{1,4}):([0-9a-f]{1,4})(?=[\]/]|$)/,
    (_, start: string, high: string, low: string) => {
      const bytes = [high, low].flatMap((word) => [Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 255]);
      return `${start}${bytes.join('.')}`;
    },
  );
}

function not(match: { readonly not?: true }): string {
  return match.not === true ? '! ' : '';
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
