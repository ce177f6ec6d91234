import type { Family } from '../../compiler/values/address.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import type { ForgetReport } from '../conntrack.ts';

/**
 * A Service port that the kernel refuses, as a diagnostic of its Service.
 *
 * service   `shop/cart:http`, `shop/cart`
 */
export function refusedService(service: string, message: string): Diagnostic {
  const [key = service, port] = service.split(':');
  const [namespace = '', name = ''] = key.split('/');
  return {
    severity: 'error',
    code: 'service-refused',
    object: { kind: 'Service', namespace, name },
    ...(port === undefined ? {} : { field: `port ${port}` }),
    message,
  };
}

/** Connections that could not be forgotten. The rules are in force, and the connections time out. */
export function staleConnections(family: Family, { problem }: ForgetReport): Diagnostic[] {
  if (problem === undefined) return [];
  const object = { kind: 'kernel', name: family };
  return [{ severity: 'warning', code: 'stale-connections', object, message: problem }];
}
