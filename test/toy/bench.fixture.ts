import type { Run } from '../../backends/command.ts';
import { createFakeIpvsKernel, type FakeIpvsKernel } from '../../backends/ipvs/fake/kernel.ts';
import { type ApplyOptions, applyCommand } from '../../agent/commands/apply.ts';
import { cleanupCommand } from '../../agent/commands/cleanup.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import { type PlanOptions, planCommand } from '../../agent/commands/plan.ts';
import type { Host } from '../../agent/input/inputs.ts';
import { parseAddress } from '../../compiler/values/address.ts';
import { lockDir } from '../helpers/lock-dir.ts';

/** The result of a command: its exit status and its output, without notes. */
export interface Said {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export const here: Host = {
  name: 'east-1',
  addresses: [parseAddress('192.0.2.1')].filter((address) => address !== undefined),
};

const withoutNotes = (text: string) => text.replace(/^info: .*\n/gm, '');

/**
 * A node with everything that its backends use: netfilter and IPVS behind `run`; the toy's kernel needs no commands.
 */
export interface ToyNode {
  readonly others: FakeIpvsKernel;
  /** Manifests on standard input; the backend is the toy unless `backend` names another. */
  plan(manifests: string, options?: Partial<PlanOptions>): Promise<Said>;
  apply(manifests: string, options?: Partial<ApplyOptions>): Promise<Said>;
  cleanup(): Promise<Said>;
}

export function createToyNode(): ToyNode {
  const others = createFakeIpvsKernel();
  const run: Run = others.run;
  const said = async (manifests: string, command: (io: ReturnType<typeof memoryIo>) => Promise<number>) => {
    const io = memoryIo(manifests);
    const status = await command(io);
    return { status, out: io.written.out, err: withoutNotes(io.written.err) };
  };
  const toy = { filename: ['-'], backend: 'toy', diagnostics: 'human' } as const;
  return {
    others,
    plan: (manifests, options = {}) =>
      said(manifests, (io) => planCommand({ ...toy, against: [], output: 'text', ...options }, io, run, here)),
    apply: (manifests, options = {}) =>
      said(manifests, (io) => applyCommand({ ...toy, lockDir, ...options }, io, run, here)),
    cleanup: () => said('', (io) => cleanupCommand({ lockDir, diagnostics: 'human' }, io, run)),
  };
}
