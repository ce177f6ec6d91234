import type { ServicePortIR } from '../compiler/ir/ir.ts';
import type { NodeContext } from '../compiler/ir/node-context.ts';
import type { Packet, Trace } from '../compiler/semantics/packet.ts';
import type { Family } from '../compiler/values/address.ts';
import type { Diagnostic } from '../compiler/values/diagnostic.ts';
import type { ServicePortId } from '../compiler/values/names.ts';
import type { Run } from './command.ts';

/**
 * Steps of a plan are grouped in this order, and every prefix of a plan is safe: a packet gets
 * its old verdict or its new one, never a third.
 */
export type Phase = 'prepare' | 'switch' | 'drain' | 'remove';

export interface Lowered<Unit> {
  readonly unit: Unit;
  readonly diagnostics: readonly Diagnostic[];
}

/** What of the whole program the share of one Service port depends on. Part of its memo key. */
export interface LowerOptions {
  /** False above 1000 known endpoints of a family, as in kube-proxy's large-cluster mode. */
  readonly endpointComments: boolean;
}

/**
 * One way to make a kernel do what the IR says, for one family at a time: dual stack is two
 * programs, as it is two kernels. All functions but observe and perform are pure.
 */
export interface Backend<Unit, Program, Step extends { readonly phase: Phase }> {
  readonly name: 'iptables' | 'ipvs';
  /** The share of one Service port. Remembered by hash. */
  lower(ir: ServicePortIR, node: NodeContext, options: LowerOptions): Lowered<Unit>;
  /** All shares and what exists once per node, as one program. */
  link(units: ReadonlyMap<ServicePortId, Unit>, node: NodeContext): Program;
  /** The ordered steps from one program to another; empty exactly when nothing would change. */
  plan(observed: Program, desired: Program, nowMs: number): readonly Step[];
  /** What reverses a step; undefined: harmless to leave. */
  undo(step: Step): Step | undefined;
  trace(program: Program, packet: Packet, node: NodeContext): Trace;
  /** One readable document. */
  print(program: Program): string;
  /** File name → contents, as the tools' own save formats and loadable by them. */
  files(program: Program, node: NodeContext): ReadonlyMap<string, string>;
  /** What a step would do, for people. */
  printStep(step: Step): string;
  /** Only what is ours. */
  observe(run: Run, family: Family): Promise<Program>;
  perform(step: Step, run: Run): Promise<void>;
}
