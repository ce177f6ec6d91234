import { createHash } from 'node:crypto';
import type { ClusterName } from '../../compiler/values/names.ts';

const maxName = 253;
const maxLabelName = 63;

/** Cluster ids of the controller: DNS-1123 labels of at most 48 characters (CC-1), as Karmada's cluster names are. */
export function isClusterId(text: string): boolean {
  return /^[a-z0-9]([-a-z0-9]{0,46}[a-z0-9])?$/.test(text);
}

/**
 * The name of a slice's copy in other clusters (CC-3). The hash keeps copies apart where names run together:
 * `a-b` of cluster `c` and `b` of cluster `c-a`. No code parses a name back.
 *
 * prefix   `imported-` for exports, as Karmada's importers expect; else empty
 */
export function copyName(prefix: '' | 'imported-', source: ClusterName, original: string): string {
  const hash = createHash('sha256').update(`${source}/${original}`).digest('hex').slice(0, 6);
  const readable = `${prefix}${source}-${original}`.slice(0, maxName - hash.length - 1);
  return `${readable.replace(/[^a-z0-9]+$/, '')}-${hash}`;
}

/** Karmada's derived Service of an import; undefined where the name would be longer than a Service's may be. */
export function karmadaDerivedName(importName: string): string | undefined {
  const name = `derived-${importName}`;
  return name.length <= maxLabelName ? name : undefined;
}

const base32hex = '0123456789abcdefghijklmnopqrstuv';

/** The derived Service of an import as the MCS API's reference controller names it. */
export function mcsDerivedName(namespace: string, name: string): string {
  const digest = createHash('sha256').update(`${namespace}/${name}`).digest();
  let [bits, held, text] = [0, 0, ''];
  for (const byte of digest.subarray(0, 7)) {
    bits = ((bits << 8) | byte) & 0xffff;
    held += 8;
    for (; held >= 5; held -= 5) text += base32hex[(bits >> (held - 5)) & 31];
  }
  return `derived-${text.slice(0, 10)}`;
}
