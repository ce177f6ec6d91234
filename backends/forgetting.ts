import type { Run } from './command.ts';

/** What forgetting connections took and found. */
export interface ForgettingRound {
  readonly spentMs: number;
  /** Connections that were deleted; undefined: nothing was tried. */
  readonly deleted: number | undefined;
}

export interface MeteredRun {
  /** Commands go through it unchanged. */
  readonly run: Run;
  /** All since it was asked last; undefined: no such command was run. */
  takeRound(): ForgettingRound | undefined;
}

/** Meters what a plane's commands do about connections, whichever backend it is of: all use one tool for that. */
export function meterForgetting(run: Run, nowMs: () => number): MeteredRun {
  let round: ForgettingRound | undefined;
  return {
    run: async (file, args, stdin) => {
      if (file !== 'conntrack') return run(file, args, stdin);
      const startMs = nowMs();
      const result = await run(file, args, stdin);
      const { spentMs, deleted } = round ?? { spentMs: 0, deleted: undefined };
      const found = args[0] === '-D' ? countIn(result.stderr) : undefined;
      round = {
        spentMs: spentMs + nowMs() - startMs,
        deleted: found === undefined ? deleted : (deleted ?? 0) + found,
      };
      return result;
    },
    takeRound() {
      const taken = round;
      round = undefined;
      return taken;
    },
  };
}

/** `conntrack v1.4.7 (conntrack-tools): 3 flow entries have been deleted.` */
function countIn(stderr: string): number | undefined {
  const count = /(\d+) flow entries have been deleted/.exec(stderr)?.[1];
  return count === undefined ? undefined : Number(count);
}
