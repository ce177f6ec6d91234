/**
 * Finds the Services that the kernel rejects, so that all others can be served.
 *
 * Where a refusal names its rule, that Service is left out at once. Where it does not (legacy mode
 * can only report that a table was refused), all Services in question are held back and the rest is
 * applied. Then half after half is let in again: a half that passes stays, and a half that
 * does not is halved again, until a single Service is left. For k bad ones among n that
 * takes about 2k · log₂ n tries.
 */
export interface Quarantine {
  /** Service ports to leave as they are. */
  readonly held: () => ReadonlySet<string>;
  /** Those found to be refused. */
  readonly convicted: () => readonly string[];
  /** The kernel refused a try. Returns false when no suspect is left: then no Service is the cause. */
  readonly refused: (suspects: readonly string[]) => boolean;
  /** All that is not held was taken. Returns whether there is more to try. */
  readonly taken: () => boolean;
}

export function createQuarantine(): Quarantine {
  const convicted = new Set<string>();
  /** Held back for now, in groups to let in again. */
  let waiting: (readonly string[])[] = [];
  let onTrial: readonly string[] = [];

  return {
    held: () => new Set([...convicted, ...waiting.flat()]),
    convicted: () => [...convicted].sort(),
    refused(suspects) {
      // What was not let in just now was taken before.
      const trial = onTrial.length === 0 ? suspects : onTrial;
      const named = suspects.length === 1 ? suspects : trial.filter((one) => suspects.includes(one));
      const guilty = named.length > 0 ? named : trial;
      const [first] = guilty;
      if (first === undefined) return false;
      if (guilty.length === 1) {
        convicted.add(first);
        const rest = onTrial.filter((one) => one !== first);
        if (rest.length > 0) waiting = [rest, ...waiting];
      } else {
        const half = Math.ceil(guilty.length / 2);
        const innocent = onTrial.filter((one) => !guilty.includes(one));
        const groups = [guilty.slice(0, half), guilty.slice(half), innocent];
        waiting = [...groups.filter((group) => group.length > 0), ...waiting];
      }
      onTrial = [];
      return true;
    },
    taken() {
      const [next, ...rest] = waiting;
      onTrial = next ?? [];
      waiting = rest;
      return next !== undefined;
    },
  };
}
