import type { DriftedPart } from './plane.ts';

/** Another program's rule that packets meet before slicewright's, and that decides what happens to them. */
export interface RuleAhead {
  /** `nat PREROUTING` */
  readonly where: string;
  readonly rule: string;
}

interface AheadWatch {
  /** Those that a reading shows and the one before did not. Slicewright reports them and leaves them in place. */
  look(ahead: readonly RuleAhead[]): DriftedPart[];
}

export function createAheadWatch(): AheadWatch {
  let known: ReadonlySet<string> = new Set();
  return {
    look(ahead) {
      const before = known;
      const keyOf = ({ where, rule }: RuleAhead) => `${where} ${rule}`;
      known = new Set(ahead.map(keyOf));
      const fresh = Map.groupBy(
        ahead.filter((one) => !before.has(keyOf(one))),
        ({ where }) => `${where} (rules of other programs that come first)`,
      );
      return [...fresh].map(([where, rules]) => ({
        where,
        lost: [],
        added: rules.map(({ rule }) => rule),
        stays: true,
      }));
    },
  };
}
