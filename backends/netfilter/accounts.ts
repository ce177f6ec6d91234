import type { ChainPrefix } from '../../compiler/settings.ts';
import { chainName } from './chain.ts';
import { accountUnder, chainUnder } from './prefix.ts';
import { chainKey, type Match, type Rule, type Ruleset, type Table } from './rule.ts';

/*
 * The kernel's accounting objects (nfacct) that rules count in: kube-proxy has had these two since 1.31. An object has a name,
 * is there once for both families, must exist before a rule may name it, and stays while a rule does.
 */

const objects = {
  /** Packets that KUBE-FORWARD drops because conntrack calls them invalid. */
  invalid: 'ct_state_invalid_dropped_pkts',
  /** Connections to node ports on 127.0.0.1. */
  loopback: 'localhost_nps_accepted_pkts',
} as const;
export type Account = keyof typeof objects;

/** `-m nfacct`, in kube-proxy's words. */
export function counting(account: Account): Match {
  return { kind: 'nfacct', name: objects[account] };
}

/** Both under a prefix. */
export function accountNames(prefix: ChainPrefix): Readonly<Record<Account, string>> {
  return { invalid: accountUnder(objects.invalid, prefix), loopback: accountUnder(objects.loopback, prefix) };
}

const places: readonly (readonly [Table, string])[] = [
  ['filter', 'KUBE-FORWARD'],
  ['nat', 'KUBE-NODEPORTS'],
];

/** Which of them rules of a program name: of a program that was read from a kernel, they exist there. */
export function accountsIn({ chains }: Ruleset, prefix: ChainPrefix): ReadonlySet<string> {
  const own = Object.values(accountNames(prefix));
  const lines = places.flatMap(
    ([table, name]) => chains.get(chainKey(table, chainUnder(chainName(name), prefix)))?.lines ?? [],
  );
  return new Set(own.filter((name) => lines.some((line) => namesAccount(line, name))));
}

/** Whether a rule, as it is printed, counts in an object. */
export function namesAccount(line: string, name: string): boolean {
  return line.includes(` --nfacct-name  ${name} `);
}

/** Whether a rule leads where the one after it leads, and counts: it captures nothing of its own. */
export function isForCounting({ matches }: Rule): boolean {
  return matches.some(({ kind }) => kind === 'nfacct');
}
