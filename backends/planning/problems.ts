import type { z } from 'zod';
import type { Family } from '../../compiler/values/address.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import type { PlanProblem } from '../backend.ts';
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

/** What a schema found wrong with a family's part of a saved plan. */
export function schemaProblems({ issues }: z.ZodError): PlanProblem[] {
  return issues.map(({ path, message }) => ({
    path: path.map((part) => (typeof part === 'symbol' ? String(part) : part)),
    message,
  }));
}
