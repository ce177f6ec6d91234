import type { Diagnostic, Severity } from '../../compiler/values/diagnostic.ts';
import { sysctlProblem, type SysctlOutcome } from './sysctl.ts';

/** One thing that a node needs before it has rules, and its outcome. */
export interface Preparation {
  readonly kind: 'set' | 'already' | 'failed';
  readonly object: { readonly kind: 'sysctl' | 'module' | 'file' | 'machine'; readonly name: string };
  /** Stable word for programs. */
  readonly code: string;
  /** `65536 → 131072`, `already 1`, or why it could not be and what to do about it. */
  readonly message: string;
  /** Services do not work without it. */
  readonly isNeeded: boolean;
}

export function sysctlPreparation(outcome: SysctlOutcome, code: string, isNeeded = false): Preparation {
  const object = { kind: 'sysctl', name: outcome.name } as const;
  switch (outcome.kind) {
    case 'already':
      return { kind: 'already', object, code, isNeeded, message: `already ${outcome.value}` };
    case 'set':
      return { kind: 'set', object, code, isNeeded, message: `${outcome.from} → ${outcome.value}` };
    case 'failed':
      return { kind: 'failed', object, code, isNeeded, message: sysctlProblem(outcome) };
  }
}

/** `sysctl net.ipv4.ip_forward: 0 → 1` */
export function preparationText({ object, message }: Preparation): string {
  return `${object.kind} ${object.name}: ${message}`;
}

/** What could not be done. */
export function problemsOf(preparations: readonly Preparation[]): Diagnostic[] {
  return preparations
    .filter(({ kind }) => kind === 'failed')
    .map(({ object, code, message, isNeeded }) => {
      const severity: Severity = isNeeded ? 'error' : 'warning';
      return { severity, code, object, message };
    });
}
