import { type ChainPrefix, kubePrefix } from '../../../compiler/settings.ts';
import type { Brand } from '../../../compiler/values/brand.ts';
import { sha256 } from '../../../compiler/values/sha256.ts';

/** Name of a table, chain, set or map, as nft's grammar takes it without quotes. */
export type Name = Brand<string, 'NftName'>;

/** The kernel takes 255 bytes; some are left for what tools put around a name. */
const longest = 240;

/** Words of nft's language, which cannot be names. Slicewright's names have a `/` or are in the list of its own. */
const keywords: ReadonlySet<string> = new Set(
  'accept add all and arp bridge chain counter create ct ct-helper delete destroy dnat drop dup elements export fib flags flowtable flush fwd get goto hook icmp inet insert ip ip6 jump last limit list log map mark masquerade meta meter monitor netdev notrack numgen osf policy queue quota redirect reject rename replace reset return rule rules set sets size snat socket synproxy table tcp timeout tproxy type typeof udp update vmap xt'.split(
    ' ',
  ),
);

export function parseName(value: unknown): Name | undefined {
  if (typeof value !== 'string' || value.length > longest || keywords.has(value)) return undefined;
  return /^[A-Za-z_][A-Za-z0-9_./-]*$/.test(value) ? (value as Name) : undefined;
}

/**
 * A name from constants of slicewright and parts that went through their parsers.
 *
 * throws   when it is no name: a defect, never an input error
 */
export function nameOf(text: string): Name {
  const name = parseName(text);
  if (name === undefined) throw new Error(`${JSON.stringify(text)} is not a name in nft`);
  return name;
}

/** Names of Services and ports together can be longer than a name may be: then its end is a hash of the whole. */
export function boundedName(text: string): Name {
  // No name of Kubernetes has an underscore, so a name that was cut is never one that was not.
  const bounded = text.length <= longest ? text : `${text.slice(0, longest - 41)}_${sha256(text).slice(0, 40)}`;
  return nameOf(bounded);
}

/** The one table of a family: `slicewright`, or the prefix beside a kube-proxy that runs. */
export function tableName(prefix: ChainPrefix): Name {
  return nameOf(prefix === kubePrefix ? 'slicewright' : prefix);
}
