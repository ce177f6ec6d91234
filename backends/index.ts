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
      return printerOf((await import('./ipvs/index.ts')).ipvs);
    default:
      return unreachable(name);
  }
}

/**
 * The documents of both families as one file each: those of one name are joined. A line that
 * would stand there twice says nothing new (sysctls, which know no families).
 */
export function joinFiles(printed: readonly Printed[]): ReadonlyMap<string, string> {
  const joined = new Map<string, string>();
  for (const { files } of printed) {
    for (const [name, text] of files) {
      const before = joined.get(name);
      joined.set(name, before === undefined ? text : before + withoutLines(text, before));
    }
  }
  return joined;
}

function withoutLines(text: string, known: string): string {
  const lines = new Set(known.split('\n'));
  return text
    .split(/(?<=\n)/)
    .filter((line) => !lines.has(line.trimEnd()))
    .join('');
}
