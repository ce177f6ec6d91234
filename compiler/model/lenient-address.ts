import { type Cidr, cidrOf, familyOf, type IpAddress, parseAddress, parseMappedIpv4 } from '../values/address.ts';

/**
 * An address as kube-proxy reads it from a Service: octets may have leading zeros, which are
 * decimal, and IPv4-mapped IPv6 is IPv4. Canonical text, or undefined.
 *
 * Only for fields that the API server lets the owner of a Service write. Endpoints are read strictly:
 * their addresses come from other clusters too.
 *
 * source  kube-proxy's ParseIPSloppy
 */
export function parseLenientAddress(value: unknown): IpAddress | undefined {
  if (typeof value !== 'string') return undefined;
  const strict = parseAddress(value);
  if (strict !== undefined) return strict;
  if (/^\d{1,10}(\.\d{1,10}){3}$/.test(value)) {
    return parseAddress(value.split('.').map(Number).join('.'));
  }
  return parseMappedIpv4(value);
}

/** A network with a leniently read address, masked; undefined for a bare address and anything else. */
export function parseLenientCidr(value: unknown): Cidr | undefined {
  if (typeof value !== 'string') return undefined;
  const parts = /^([^/]+)\/(\d{1,3})$/.exec(value);
  const address = parseLenientAddress(parts?.[1]);
  const length = Number(parts?.[2]);
  if (address === undefined || parts?.[1]?.includes(':') !== address.includes(':')) return undefined;
  return length <= (familyOf(address) === 'IPv4' ? 32 : 128) ? cidrOf(address, length) : undefined;
}
