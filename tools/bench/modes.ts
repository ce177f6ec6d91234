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

/** A tool, and what it is given. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly input: string | undefined;
}

/** One way to write to a kernel. */
export interface BenchMode {
  /** As MODES chooses it. */
  readonly name: string;
  readonly backend: string;
  /** What the machine has to offer. */
  readonly needs: keyof Support['lacks'];
  /** On an untouched node the machine chooses between two kinds of tables; where a rule is, that decides. */
  readonly choose: Command | undefined;
  /** What a person would load by hand for the same rules. */
  readonly floor: { readonly what: string; readonly of: (target: Target) => Promise<readonly Command[]> };
  /** Of a cold start, in ratios to the floor. */
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

/** A kernel with IPVS has a row of its own (rows/machine.ts). */
export const allModes: readonly BenchMode[] = [
  tables('nft', 'at most 2.5 of the floor'),
  tables('legacy', 'at most 1.5 of the floor'),
  ...Object.entries(wholeTexts).map(([backend, file]) => loaded(backend, file, 'at most 1.5 of the floor')),
];

export const scope: Scope = { family: 'IPv4', prefix: kubePrefix, takeOver: false, excludeCidrs: [] };

/** A backend's plane as the agent makes it, which knows nothing of the kernel yet. */
export function planeIn({ createPlane }: Mode, run: Run): FamilyPlane {
  return createPlane({ run, scope, nowMs: () => performance.now(), delayTimes: defaultDelayTimes });
}

/** One after another. throws   for the first that fails, with what it complains of */
export async function runAll(run: Run, commands: readonly Command[]): Promise<void> {
  for (const { file, args, input } of commands) {
    const { exitCode, stderr } = await run(file, args, input);
    if (exitCode !== 0) throw new Error(`${file}: ${stderr.split('\n')[0]}`);
  }
}

/** A run that also notes what changes something: every command that is given a document. */
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
