import { Option } from 'commander';
import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';
import { defaultHealthz, defaultMetrics } from '../../config/agent.ts';
import { parseBindAddress } from '../../serving/bind-address.ts';
import { flagWarning } from './idle-flags.ts';

/** `--healthz-port` and `--metrics-port`: kube-proxy v1.30 warns about them, v1.32 has removed them. */
const portFlags = [
  { flag: 'healthz-port', port: 'healthzPort', address: 'healthzBindAddress', usual: defaultHealthz },
  { flag: 'metrics-port', port: 'metricsPort', address: 'metricsBindAddress', usual: defaultMetrics },
] as const;

export type PortFlag = (typeof portFlags)[number]['flag'];

export function portOptions(): Option[] {
  return portFlags.map(({ flag }) =>
    new Option(`--${flag} <port>`, `the port if --${flag.replace('port', 'bind-address')} has none`).hideHelp(),
  );
}

export function givenPortFlags(given: Readonly<Record<string, unknown>>): PortFlag[] {
  return portFlags.filter(({ port }) => given[port] !== undefined).map(({ flag }) => flag);
}

/**
 * Writes each port into the address that it belongs to, unless that address has a port of its own.
 * 0 switches the server off.
 *
 * given   by commander's names
 */
export function settlePorts(given: Readonly<Record<string, unknown>>): {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly warnings: readonly Diagnostic[];
} {
  const flags: Record<string, unknown> = { ...given };
  const warnings: Diagnostic[] = [];
  for (const { flag, port, address, usual } of portFlags) {
    const text = given[port];
    if (typeof text !== 'string') continue;
    const host = typeof given[address] === 'string' ? given[address] : usual.host;
    if (text === '0') flags[address] = '';
    else if (parseBindAddress(host) === undefined) flags[address] = `${bracketed(host)}:${text}`;
    warnings.push(
      flagWarning(flag, `is deprecated; set address and port with --${flag.replace('port', 'bind-address')}`),
    );
  }
  return { flags, warnings };
}

function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
