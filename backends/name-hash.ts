import { sha256 } from '../compiler/values/sha256.ts';

/**
 * The first characters of the base32 (RFC 4648) of the sha-256 of a text, as kube-proxy has them in names of chains.
 *
 * length   8 or 16
 */
export function nameHash(text: string, length: 8 | 16): string {
  const digest = sha256(text);
  let name = '';
  // Ten hexadecimal digits are eight characters.
  for (let at = 0; name.length < length; at += 10) {
    const bits = Number.parseInt(digest.slice(at, at + 10), 16);
    for (let shift = 35; shift >= 0; shift -= 5) name += alphabet[Math.floor(bits / 2 ** shift) % 32];
  }
  return name;
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
