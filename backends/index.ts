import type { ServicePortIR } from '../compiler/ir/ir.ts';
import type { NodeContext } from '../compiler/ir/node-context.ts';
import type { Diagnostic } from '../compiler/values/diagnostic.ts';
import { unreachable } from '../compiler/values/unreachable.ts';
import { assemble, type Maker } from './assemble.ts';
import type { Backend } from './backend.ts';

export type BackendName = Backend<never, never, never>['name'];

/** A program as text: what can be shown and written without knowing its type. */
export interface Printed {
  /** One readable document. */
  readonly text: string;
  /** File name → contents, loadable by the tools. */
  readonly files: ReadonlyMap<string, string>;
  readonly diagnostics: readonly Diagnostic[];
}

/** Makes and prints one family's program. */
export type Printer = (irs: readonly ServicePortIR[], node: NodeContext) => Printed;

function printerOf<Unit, Program>(backend: Maker<Unit, Program>): Printer {
  return (irs, node) => {
    const { program, diagnostics } = assemble(backend, irs, node);
    return { text: backend.print(program), files: backend.files(program, node), diagnostics };
  };
}

/** Loaded when asked for: a command pays for the one backend that it uses. */
export async function loadPrinter(name: BackendName): Promise<Printer> {
  switch (name) {
    case 'iptables':
      return printerOf((await import('./iptables/index.ts')).iptables);
    case 'ipvs':
      throw new Error('the ipvs backend cannot print programs');
    default:
      return unreachable(name);
  }
}
