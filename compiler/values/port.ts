import type { Brand } from './brand.ts';

export type Port = Brand<number, 'Port'>;

/** As Kubernetes writes it. Rules use the lower-case form, see {@link protocolText}. */
export type Protocol = 'TCP' | 'UDP' | 'SCTP';
export const protocols: readonly Protocol[] = ['TCP', 'UDP', 'SCTP'];

/** A port, 1 to 65535; undefined for anything else. */
export function parsePort(value: unknown): Port | undefined {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65535 ? (value as Port) : undefined;
}

export function parseProtocol(value: unknown): Protocol | undefined {
  return protocols.find((protocol) => protocol === value);
}

const protocolTexts = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' } as const;

/** `tcp`, `udp` or `sctp`: how iptables, ipset and chain-name hashes spell it. */
export function protocolText(protocol: Protocol): 'tcp' | 'udp' | 'sctp' {
  return protocolTexts[protocol];
}
