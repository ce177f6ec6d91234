import type { CommandResult, Run } from '../../backends/command.ts';

/** The faults that one command of nft can have. */
export const commandFaults = [
  'nft fails',
  'nft is killed',
  'the answer to a change is lost',
  'half of a listing',
  'a listing of nothing',
] as const;
export type CommandFault = (typeof commandFaults)[number];

/** A run that can make its next matching command of nft fail. */
export interface FaultyRun {
  readonly run: Run;
  /** killAfterMs   when a command that is killed gets its SIGKILL */
  next(fault: CommandFault, killAfterMs: number): void;
  /** Cancels the planned fault. */
  spare(): void;
  /** How many commands failed, by fault. */
  readonly happened: ReadonlyMap<CommandFault, number>;
}

export function faultyRun(real: Run): FaultyRun {
  let pending: { readonly fault: CommandFault; readonly killAfterMs: number } | undefined;
  const happened = new Map<CommandFault, number>();

  async function perform(file: string, args: readonly string[], input: string | undefined): Promise<CommandResult> {
    const isNft = file === 'nft';
    const { fault, killAfterMs } = pending ?? { fault: undefined, killAfterMs: 0 };
    const isForListings = fault === 'half of a listing' || fault === 'a listing of nothing';
    if (!isNft || fault === undefined || isForListings !== (args[0] === 'list')) return real(file, args, input);
    pending = undefined;
    happened.set(fault, (happened.get(fault) ?? 0) + 1);
    switch (fault) {
      case 'nft fails':
        return { exitCode: 1, stdout: '', stderr: 'netlink: Error: Could not process rule: Cannot allocate memory\n' };
      case 'nft is killed': {
        const killed = await real('timeout', ['-s', 'KILL', `${killAfterMs / 1000}`, file, ...args], input);
        // `timeout` kills itself the same way.
        return killed.exitCode === 0 ? killed : { exitCode: undefined, stdout: '', stderr: '', failure: 'killed' };
      }
      case 'the answer to a change is lost':
        await real(file, args, input);
        return { exitCode: undefined, stdout: '', stderr: '', failure: 'timeout' };
      case 'half of a listing': {
        const whole = await real(file, args, input);
        return { ...whole, stdout: whole.stdout.slice(0, whole.stdout.length >> 1) };
      }
      case 'a listing of nothing':
        return { exitCode: 0, stdout: '', stderr: '' };
    }
  }

  return {
    run: perform,
    next(fault, killAfterMs) {
      pending = { fault, killAfterMs };
    },
    spare() {
      pending = undefined;
    },
    happened,
  };
}
