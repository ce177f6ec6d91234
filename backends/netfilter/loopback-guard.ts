import type { ChainPrefix } from '../../compiler/settings.ts';
import { type Cidr, parseCidr } from '../../compiler/values/address.ts';
import { chainName } from './chain.ts';
import { chainUnder } from './prefix.ts';
import { chainKey, type Rule, type Ruleset } from './rule.ts';
import { jumpTarget } from './text/lines.ts';
import { printRule } from './text/print.ts';

/*
 * Node ports answer on 127.0.0.1 only where the kernel routes loopback addresses to other links. Then neighbours on
 * those links reach processes that listen only on 127.0.0.1 (CVE-2020-8558), unless one rule drops what they send there.
 * So the setting and the rule, the guard, belong together: the setting is made only while the guard is in force. If
 * the guard goes and the setting stays, slicewright warns.
 */

export const routeLocalnet = 'net.ipv4.conf.all.route_localnet';

const loopback = parseCidr('127.0.0.0/8') as Cidr;
const firewall = chainName('KUBE-FIREWALL');

/** Drops what comes from elsewhere to a loopback address, unless it belongs to a connection that may. In kube-proxy's words. */
export const guardRule: Rule = {
  matches: [
    { kind: 'source', cidr: loopback, not: true },
    { kind: 'destination', cidr: loopback },
    { kind: 'comment', text: 'block incoming localnet connections' },
    { kind: 'ctstate', states: ['RELATED', 'ESTABLISHED', 'DNAT'], not: true },
  ],
  target: { kind: 'drop' },
};

/** ruleset   of IPv4, as read from a kernel */
export function isGuarded({ chains, hooks }: Ruleset, prefix: ChainPrefix): boolean {
  const name = chainUnder(firewall, prefix);
  const isEntered = hooks.some(
    ({ table, chain, line }) => table === 'filter' && chain === 'INPUT' && jumpTarget(line) === name,
  );
  const lines = chains.get(chainKey('filter', name))?.lines ?? [];
  return isEntered && lines.includes(printRule('IPv4', name, guardRule));
}
