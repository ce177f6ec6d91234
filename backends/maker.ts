import type { Endpoint, ServicePortIR } from '../compiler/ir/ir.ts';
import type { NodeContext } from '../compiler/ir/node-context.ts';
import type { Diagnostic } from '../compiler/values/diagnostic.ts';
import type { ServicePortId } from '../compiler/values/names.ts';

export type EndpointAddress = Pick<Endpoint, 'address' | 'port'>;

/** What names of a Service port's parts are made from. */
export type NamedPort = Pick<ServicePortIR, 'service' | 'portName' | 'protocol'>;

export interface Lowered<Unit> {
  readonly unit: Unit;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * How a backend makes a program of one family. All functions are pure.
 *
 * Whole   the facts about all Service ports together that each one's unit depends on; part of its memo key
 */
export interface Maker<Unit, Program, Whole = undefined> {
  readonly name: string;
  /** What {@link Maker.lower} has to know of the other Service ports. */
  wholeOf(irs: readonly ServicePortIR[]): Whole;
  /**
   * The share of one Service port. Remembered by hash.
   *
   * before   what was made of the Service port before it changed: values in it may be used again where they are the same
   */
  lower(ir: ServicePortIR, node: NodeContext, whole: Whole, before?: Unit): Lowered<Unit>;
  /** Units that `link` leaves out, because what they need belongs to another one. */
  leftOut(units: ReadonlyMap<ServicePortId, Unit>): readonly ServicePortId[];
  /** All shares and what exists once per node, as one program. */
  link(units: ReadonlyMap<ServicePortId, Unit>, node: NodeContext): Program;
  /** What must not be loaded, one sentence each; empty for every program that `link` makes. */
  check(program: Program, node: NodeContext): readonly string[];
  /** One readable document. */
  print(program: Program): string;
  /** The share of one Service port, in the same forms. Nothing loads it: what all share is not in it. */
  printUnit(unit: Unit, node: NodeContext): string;
  /** See `Backend.hiddenNames`. */
  hiddenNames(port: NamedPort, endpoints: readonly EndpointAddress[]): readonly string[];
  /** File name → contents, as the tools' own save formats and loadable by them. */
  files(program: Program, node: NodeContext): ReadonlyMap<string, string>;
}
