import { type ChainPrefix, kubePrefix } from '../../compiler/settings.ts';
import { chainName } from './chain.ts';
import { type ChainName, parseSetName, type Rule, type SetName } from './rule.ts';

/*
 * Names under another prefix than kube-proxy's.
 *
 * Lowering speaks kube-proxy's names throughout: they are the words of its documents, of goldens and of operators.
 * A proxy that runs beside a kube-proxy has the same chains and sets with the same rules under a prefix of its own, so
 * a program for it is the one for KUBE with the names exchanged, here and nowhere else.
 */

/** Starts slicewright's own names beside kube-proxy's; under a prefix of its own all names are slicewright's. */
const ownWords = 'SLICEWRIGHT';

/** `KUBE-SERVICES`, `SLICEWRIGHT-OWNER` → `SLWR-SERVICES`, `SLWR-OWNER`. */
export function underPrefix(name: string, prefix: ChainPrefix): string {
  return prefix === kubePrefix ? name : name.replace(/^(KUBE|SLICEWRIGHT)(?=-)/, prefix);
}

/** kube-proxy's name for a chain that was found; undefined: it does not begin with the prefix. */
export function kubeNameOf(name: string, prefix: ChainPrefix): string | undefined {
  if (!name.startsWith(prefix) || name[prefix.length] !== '-') return undefined;
  if (prefix === kubePrefix) return name;
  return `${kubePrefix}${name.slice(prefix.length)}`;
}

/** The empty chain that marks chains under this prefix as slicewright's (ownership.ts). */
export function markerOf(prefix: ChainPrefix): ChainName {
  return chainName(underPrefix(`${ownWords}-OWNER`, prefix));
}

/** The same rule about the same things under another prefix. */
export function ruleUnder(rule: Rule, prefix: ChainPrefix): Rule {
  if (prefix === kubePrefix) return rule;
  const { matches, target } = rule;
  const renamed = matches.map((match) => {
    switch (match.kind) {
      case 'comment':
        // Names of Services are in lower case: only a chain's can begin like that.
        return { ...match, text: match.text.replaceAll(`${kubePrefix}-`, `${prefix}-`) };
      case 'recent':
        return { ...match, list: chainUnder(match.list, prefix) };
      case 'nfacct':
        return { ...match, name: accountUnder(match.name, prefix) };
      case 'set':
        return { ...match, name: setUnder(match.name, prefix) };
      default:
        return match;
    }
  });
  if (target === undefined) return { matches: renamed };
  return {
    matches: renamed,
    target: target.kind === 'jump' ? { ...target, chain: chainUnder(target.chain, prefix) } : target,
  };
}

export function rulesUnder(rules: readonly Rule[], prefix: ChainPrefix): readonly Rule[] {
  return prefix === kubePrefix ? rules : rules.map((rule) => ruleUnder(rule, prefix));
}

export function chainUnder(name: ChainName, prefix: ChainPrefix): ChainName {
  return prefix === kubePrefix ? name : chainName(underPrefix(name, prefix));
}

function setUnder(name: SetName, prefix: ChainPrefix): SetName {
  const renamed = parseSetName(underPrefix(name, prefix));
  if (renamed === undefined) throw new Error(`${name} has no name under ${prefix}`);
  return renamed;
}

/**
 * `ct_state_invalid_dropped_pkts` → `SLWR-ct_state_invalid_dropped`: beside a kube-proxy that runs, its objects are its own. The
 * kernel keeps 31 characters of a name, so that the last word gives way.
 */
export function accountUnder(name: string, prefix: ChainPrefix): string {
  return prefix === kubePrefix ? name : `${prefix}-${name.replace(/_pkts$/, '')}`;
}
