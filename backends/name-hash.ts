import { hash } from 'node:crypto';

/**
 * The first characters of the base32 (RFC 4648) of the sha-256 of a text, as kube-proxy has them in names of chains.
 *
 * length   8 or 16
 */
export function nameHash(text: string, length: 8 | 16): string {
  const digest = hash('sha256', text, 'buffer');
  let name = '';
  for (let at = 0; name.length < length; at += 5) {
    const bits = digest.readUIntBE(at, 5);
    for (let shift = 35; shift >= 0; shift -= 5) name += alphabet[Math.floor(bits / 2 ** shift) % 32];
  }
  return name;
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
