import type * as z from 'zod';
import type { Family } from '../../compiler/values/address.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import type { PlanProblem } from '../backend.ts';
import type { ForgetReport } from '../conntrack.ts';

/**
 * A Service port that the kernel rejects, as a diagnostic of its Service.
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

/**
 * A saved plan that was changed after it was made, and whose digest was recomputed.
 *
 * strange   parts that it would put into force and no program of slicewright has; empty: its steps do not lead to the
 *           state that it names
 */
export function tamperedPlan(family: Family, strange: readonly string[]): Diagnostic {
  const [first, ...more] = strange.map((text) => JSON.stringify(printable(text, 200)));
  const what =
    first === undefined
      ? 'the steps of this plan do not lead where it says'
      : `this plan has rules that slicewright never makes: ${first}${more.length === 0 ? '' : ` and ${more.length} more`}`;
  const message = `${what}: the plan was changed after it was saved\nNothing was changed. Make a new plan.`;
  return { severity: 'error', code: 'apply-tampered', object: { kind: 'kernel', name: family }, message };
}

/** What a schema found wrong with a family's part of a saved plan. */
export function schemaProblems({ issues }: z.ZodError): PlanProblem[] {
  return issues.map(({ path, message }) => ({
    path: path.map((part) => (typeof part === 'symbol' ? String(part) : part)),
    message,
  }));
}
