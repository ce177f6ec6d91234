import { parseAddress } from '../../compiler/values/address.ts';

/** Where a server listens: `0.0.0.0:10256`, `[::1]:10249`. */
export interface BindAddress {
  readonly host: string;
  readonly port: number;
}

/** undefined for text that is not an address with a port; `:10249` means every address. */
export function parseBindAddress(text: string): BindAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) return undefined;
  const host = match[1] ?? match[2] ?? '';
  if (host === '') return { host: '0.0.0.0', port };
  return parseAddress(host) === undefined ? undefined : { host, port };
}
