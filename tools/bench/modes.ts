import { assemble } from '../../backends/assemble.ts';
import type { Run } from '../../backends/command.ts';
import { defaultBackend, loadMode, type Mode } from '../../backends/index.ts';
import { iptables } from '../../backends/iptables/index.ts';
import { defaultDelayTimes } from '../../backends/plane/delays.ts';
import type { FamilyPlane } from '../../backends/plane/plane.ts';
import type { Scope, Target } from '../../backends/target.ts';
import { kubePrefix } from '../../compiler/settings.ts';
import type { Support } from '../../test/netns/probe.ts';
import { rawLoads } from './raw.ts';

/** A tool with its arguments and its input. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly input: string | undefined;
}

/** One way to write to a kernel. */
export interface BenchMode {
  /** The name by which MODES selects it. */
  readonly name: string;
  readonly backend: string;
  /** The tool or kernel part that the machine must have. */
  readonly needs: keyof Support['lacks'];
  /** On an untouched node the machine chooses between two kinds of tables; an existing rule decides the choice. */
  readonly choose: Command | undefined;
  /** The documents that a person would load by hand for the same rules. */
  readonly floor: { readonly what: string; readonly of: (target: Target) => Promise<readonly Command[]> };
  /** The target for a cold start, as a ratio to the floor. */
  readonly wanted: string;
}

function tables(name: 'nft' | 'legacy', wanted: string): BenchMode {
  const args = ['--noflush', '-w', '5'];
  return {
    ...{ name, backend: defaultBackend(), needs: name, wanted },
    choose: { file: `iptables-${name}`, args: ['-A', 'INPUT', '-j', 'ACCEPT'], input: undefined },
    floor: {
      what: `iptables-${name}-restore in batches`,
      async of({ services, node }) {
        const { program, units } = assemble(iptables, services, node);
        return rawLoads(program, [...units.values()]).map((input) => ({
          file: `iptables-${name}-restore`,
          args,
          input,
        }));
      },
    },
  };
}

function loaded(backend: string, file: string, wanted: string): BenchMode {
  return {
    ...{ name: backend, backend, needs: 'nft', choose: undefined, wanted },
    floor: {
      what: `${file} -f`,
      of: async (target) => [{ file, args: ['-f', '-'], input: (await loadMode(backend)).backend.make(target).text() }],
    },
  };
}

const wholeTexts = { nftables: 'nft' };

/** A kernel with IPVS has a separate row (rows/machine.ts). */
export const allModes: readonly BenchMode[] = [
  tables('nft', 'at most 2.5 of the floor'),
  tables('legacy', 'at most 1.5 of the floor'),
  ...Object.entries(wholeTexts).map(([backend, file]) => loaded(backend, file, 'at most 1.5 of the floor')),
];

export const scope: Scope = { family: 'IPv4', prefix: kubePrefix, takeOver: false, excludeCidrs: [] };

/** A backend's plane, made as the agent makes it; it does not know the kernel's state yet. */
export function planeIn({ createPlane }: Mode, run: Run): FamilyPlane {
  return createPlane({ run, scope, nowMs: () => performance.now(), delayTimes: defaultDelayTimes });
}

/** Runs commands one after another. throws   at the first failure, with the command's error output */
export async function runAll(run: Run, commands: readonly Command[]): Promise<void> {
  for (const { file, args, input } of commands) {
    const { exitCode, stderr } = await run(file, args, input);
    if (exitCode !== 0) throw new Error(`${file}: ${stderr.split('\n')[0]}`);
  }
}

/** A run that also records which commands change something: every command that gets a document. */
export function noting(run: Run): { readonly run: Run; take(): Command[] } {
  let noted: Command[] = [];
  return {
    async run(file, args, input) {
      if (input !== undefined && input !== '') noted.push({ file, args, input });
      return run(file, args, input);
    },
    take() {
      const taken = noted;
      noted = [];
      return taken;
    },
  };
}
