import { sha256 } from '../compiler/values/sha256.ts';

/**
 * The first characters of the base32 (RFC 4648) of the sha-256 of a text, as kube-proxy has them in names of chains.
 *
 * length   8 or 16
 */
export function nameHash(text: string, length: 8 | 16): string {
  const digest = sha256(text);
  let name = '';
  // Five hexadecimal digits are four characters.
  for (let at = 0; name.length < length; at += 5) {
    const bits = Number.parseInt(digest.slice(at, at + 5), 16);
    for (let shift = 15; shift >= 0; shift -= 5) name += alphabet[(bits >> shift) & 31];
  }
  return name;
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
