import type { ServicePortIR } from '../compiler/ir/ir.ts';
import type { NodeContext } from '../compiler/ir/node-context.ts';
import { expectation } from '../compiler/semantics/expect.ts';
import type { Packet, Trace, Verdict } from '../compiler/semantics/packet.ts';
import { type Mismatch, verify } from '../compiler/semantics/verify.ts';
import { unreachable } from '../compiler/values/unreachable.ts';
import { assemble, type Maker } from './assemble.ts';
import type { BackendName } from './index.ts';

/**
 * Makes a backend's program of Service ports and tries it on every probe.
 *
 * returns  the packets that it treats otherwise than it should; empty, or we have made a mistake
 */
export type Verifier = (irs: readonly ServicePortIR[], node: NodeContext) => Mismatch[];

/** Makes a backend's program of Service ports and follows one packet through it. */
export type Tracer = (irs: readonly ServicePortIR[], node: NodeContext, packet: Packet) => Trace;

/** What a backend's programs do, and what they are held to: the reference, or the reference with its exceptions. */
interface Witness<Program> {
  trace(program: Program, packet: Packet, node: NodeContext): Trace;
  expectation(irs: readonly ServicePortIR[], node: NodeContext): (packet: Packet) => Verdict;
}

interface Loaded {
  readonly verify: Verifier;
  readonly trace: Tracer;
}

function loaded<Unit, Program>(backend: Maker<Unit, Program>, witness: Witness<Program>): Loaded {
  return {
    verify(irs, node) {
      const { program } = assemble(backend, irs, node);
      return verify(irs, node, (packet) => witness.trace(program, packet, node), {
        expected: witness.expectation(irs, node),
      });
    },
    trace: (irs, node, packet) => witness.trace(assemble(backend, irs, node).program, packet, node),
  };
}

export async function loadVerifier(name: BackendName): Promise<Verifier> {
  return (await load(name)).verify;
}

export async function loadTracer(name: BackendName): Promise<Tracer> {
  return (await load(name)).trace;
}

/** Loaded when asked for, like a backend's printer. */
async function load(name: BackendName): Promise<Loaded> {
  switch (name) {
    case 'iptables': {
      const [{ iptables }, { traceRuleset }] = await Promise.all([
        import('./iptables/index.ts'),
        import('./netfilter/trace.ts'),
      ]);
      return loaded(iptables, { trace: traceRuleset, expectation });
    }
    case 'ipvs': {
      const [{ ipvs, traceProgram }, { ipvsExpectation }] = await Promise.all([
        import('./ipvs/index.ts'),
        import('./ipvs/exceptions.ts'),
      ]);
      return loaded(ipvs, { trace: traceProgram, expectation: ipvsExpectation });
    }
    default:
      return unreachable(name);
  }
}
