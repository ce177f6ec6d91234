import type { Witness } from '../../backends/backend.ts';
import type { Asked, Look } from '../../backends/equivalence/look.ts';
import type { Reading } from '../../backends/equivalence/known-difference.ts';
import type { Target } from '../../backends/target.ts';
import { disagreement } from '../../compiler/semantics/agree.ts';
import type { Packet, Trace, Verdict } from '../../compiler/semantics/packet.ts';

/** What the objects mean in one mode, and what else a kube-proxy may make of them. */
export interface Meanings {
  /** slicewright's program. */
  readonly look: Look;
  /** What it does with a packet. */
  wanted(packet: Packet, asked: Asked | undefined): Verdict;
  /**
   * The codes of the fewest known differences that together make a packet's fate what was found.
   *
   * found    with every step
   * returns  undefined: they do not explain it
   */
  explain(packet: Packet, found: Trace, asked: Asked | undefined): readonly string[] | undefined;
}

/** No packet meets more differences than this at once. */
const mostAtOnce = 3;

/** Several readings, all taken to be true at once. */
interface Choice {
  /** Where they stand in the list. */
  readonly places: readonly number[];
  readonly readings: readonly Reading[];
  readonly target: Target;
  readonly look: () => Look;
}

export function createMeanings(witness: Witness, target: Target, readings: readonly Reading[]): Meanings {
  const looks = new Map<string, Look>();
  const look = witness.look(target);

  /** Choices that read the objects alike share one program. */
  function choiceOf(chosen: readonly number[]): Choice | undefined {
    let read = target;
    const changing: number[] = [];
    const used: Reading[] = [];
    for (const place of chosen) {
      const reading = readings[place];
      if (reading === undefined) return undefined;
      used.push(reading);
      if (reading.target === undefined) continue;
      const next = reading.target(read);
      if (next === undefined) return undefined;
      read = next;
      changing.push(place);
    }
    if (changing.length === 0) return { places: chosen, readings: used, target, look: () => look };
    const key = changing.join();
    return {
      places: chosen,
      readings: used,
      target: read,
      look() {
        const known = looks.get(key) ?? witness.look(read);
        looks.set(key, known);
        return known;
      },
    };
  }

  let choices: readonly Choice[] | undefined;

  /** The same packet is asked about many times in a row. */
  const last = new Map<Look, { readonly packet: Packet; readonly verdict: Verdict }>();

  function verdictIn(program: Look, packet: Packet, asked: Asked | undefined): Verdict {
    const known = last.get(program);
    if (known?.packet === packet) return known.verdict;
    const { verdict } = program.trace(packet, asked === undefined ? { brief: true } : { brief: true, asked });
    last.set(program, { packet, verdict });
    return verdict;
  }

  /** What happens to a packet where all of some readings are true. */
  function verdictOf(
    { readings: chosen, target: read, look: of }: Choice,
    packet: Packet,
    found: Trace,
    asked: Asked | undefined,
  ) {
    let verdict = verdictIn(of(), packet, asked);
    for (const reading of chosen) verdict = reading.verdict?.(verdict, packet, read, found) ?? verdict;
    return verdict;
  }

  return {
    look,
    wanted: (packet, asked) => verdictIn(look, packet, asked),
    explain(packet, found, asked) {
      choices ??= subsets(readings.length, mostAtOnce).flatMap((chosen) => choiceOf(chosen) ?? []);
      const isSo = (choice: Choice) =>
        disagreement(verdictOf(choice, packet, found, asked), found.verdict) === undefined;
      const right = choices.find(isSo);
      // The code of one reading comes from what would happen without it.
      const codes = right?.places.flatMap((place) => {
        const others = choiceOf(right.places.filter((other) => other !== place));
        if (others === undefined) return [];
        const wanted = verdictOf(others, packet, found, undefined);
        return readings[place]?.code({ packet, wanted, found: found.verdict, target }) ?? [];
      });
      return codes === undefined ? undefined : [...new Set(codes)];
    },
  };
}

/** Every choice of some of the first numbers, small ones first. */
function subsets(count: number, most: number): number[][] {
  let last: number[][] = [[]];
  const all: number[][] = [];
  for (let size = 1; size <= Math.min(most, count); size++) {
    last = last.flatMap((chosen) => {
      const from = (chosen.at(-1) ?? -1) + 1;
      return Array.from({ length: count - from }, (_, i) => [...chosen, from + i]);
    });
    all.push(...last);
  }
  return all;
}
