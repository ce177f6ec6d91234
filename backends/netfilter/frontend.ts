import type { Rule } from './rule.ts';

/** `10.0.0.1/32 TCP 80`; `* TCP 30080` for a node port. undefined for a rule that is not about a single frontend. */
export function frontendOf({ matches }: Rule): string | undefined {
  let destination = '*';
  let port: string | undefined;
  for (const match of matches) {
    if (match.kind === 'destination' && match.not !== true) destination = match.cidr;
    else if (match.kind === 'transport' && match.dport !== undefined) port = `${match.protocol} ${match.dport}`;
  }
  return port === undefined ? undefined : `${destination} ${port}`;
}
