import { BackendError } from '../../backends/errors.ts';
import type { Scope } from '../../backends/target.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { compareText } from '../../compiler/values/names.ts';
import type { Program } from './program.ts';

/**
 * The toy's replacement for a kernel: tables of parts, one for each family and prefix. A part is put or deleted whole,
 * at once; that is a transaction.
 */
export interface ToyKernel {
  /** `IPv4 KUBE` → part → lines */
  readonly tables: Map<string, ReadonlyMap<string, readonly string[]>>;
  /** Connections that matched a line, by its text; may be changed. */
  readonly connections: Map<string, number>;
  /** Accepted transactions. */
  taken: number;
  /** Parts that it rejects; may be changed. */
  refuses: (part: string) => boolean;
  /** The machine has no such kernel; may be changed. */
  isAbsent: boolean;
}

export function createToyKernel(): ToyKernel {
  return { tables: new Map(), connections: new Map(), taken: 0, refuses: () => false, isAbsent: false };
}

export class ToyError extends BackendError {
  readonly reason: 'refused' | 'unsupported';

  constructor(reason: ToyError['reason'], message: string) {
    super(message);
    this.name = 'ToyError';
    this.reason = reason;
  }

  override diagnostic(): Diagnostic {
    const object = { kind: 'machine', name: 'toy' };
    return { severity: 'error', code: `toy-${this.reason}`, object, message: this.message };
  }
}

/** One transaction. lines   empty: the part is deleted */
export interface Step {
  readonly phase: 'switch' | 'remove';
  readonly part: string;
  readonly lines: readonly string[];
}

/** throws   ToyError where there is no such kernel */
export function assertPresent({ isAbsent }: ToyKernel): void {
  if (isAbsent) throw new ToyError('unsupported', 'this machine has no toy kernel');
}

/** throws   ToyError where there is no such kernel */
export function readProgram(kernel: ToyKernel, scope: Scope): Program {
  assertPresent(kernel);
  return { family: scope.family, parts: kernel.tables.get(tableOf(scope)) ?? new Map() };
}

/** throws   ToyError where there is no such kernel, or it rejects the part: then the part stays as it was */
export function performStep(kernel: ToyKernel, scope: Scope, step: Step): void {
  const { parts } = readProgram(kernel, scope);
  if (kernel.refuses(step.part)) throw new ToyError('refused', `the toy kernel refuses ${step.part}`);
  kernel.taken++;
  const table = withStep(parts, step);
  if (table.size === 0) kernel.tables.delete(tableOf(scope));
  else kernel.tables.set(tableOf(scope), table);
}

/** The parts after a step. */
export function withStep(parts: Program['parts'], { part, lines }: Step): Program['parts'] {
  const others = [...parts].filter(([name]) => name !== part);
  const all = lines.length === 0 ? others : [...others, [part, lines] as const];
  return new Map(all.sort(([a], [b]) => compareText(a, b)));
}

function tableOf({ family, prefix }: Scope): string {
  return `${family} ${prefix}`;
}
