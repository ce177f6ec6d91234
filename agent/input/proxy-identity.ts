import { type ChainPrefix, kubePrefix, ownPrefix, parseChainPrefix, type Settings } from '../../compiler/settings.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { UsageError } from './input-error.ts';

/** The options of every command that say which Services are served and under which names. */
export interface ProxyOptions {
  readonly serviceProxyName?: string;
  readonly chainPrefix?: string;
}

/** The Services that are served, and the names of chains and sets made for them. */
export type ProxyIdentity = Pick<Settings, 'serviceProxyName' | 'chainPrefix'>;

/**
 * Without a proxy name: kube-proxy's Services under kube-proxy's names. With one: slicewright's own names, so that
 * a kube-proxy beside it keeps its chains, and slicewright keeps its own.
 *
 * throws   UsageError: not a label value, not a prefix, or the two do not go together
 */
export function proxyIdentity({ serviceProxyName, chainPrefix }: ProxyOptions): ProxyIdentity {
  if (serviceProxyName === undefined) {
    if (chainPrefix === undefined) return { serviceProxyName, chainPrefix: kubePrefix };
    const message = 'needs --service-proxy-name: without it slicewright replaces kube-proxy and uses the prefix KUBE';
    throw refused('--chain-prefix', message);
  }
  // A label's value must not be empty: that would take Services whose label was emptied by mistake.
  if (!/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(serviceProxyName)) {
    throw refused('--service-proxy-name', `"${printable(serviceProxyName, 80)}" is not a label's value`);
  }
  return { serviceProxyName, chainPrefix: prefixOf(chainPrefix) };
}

function prefixOf(text: string | undefined): ChainPrefix {
  if (text === undefined) return ownPrefix;
  const prefix = parseChainPrefix(text);
  if (prefix === undefined) {
    const message = `"${printable(text, 40)}" is not a prefix: 2 to 5 upper-case letters and digits, a letter first`;
    throw refused('--chain-prefix', message);
  }
  if (prefix !== kubePrefix) return prefix;
  throw refused(
    '--chain-prefix',
    "KUBE is kube-proxy's prefix, and with --service-proxy-name a kube-proxy may be running",
  );
}

function refused(option: string, message: string): UsageError {
  return new UsageError(option, message);
}
