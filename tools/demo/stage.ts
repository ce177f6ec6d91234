/** What an act gets from the demo. */
export interface Stage {
  /** The backend that is shown. */
  readonly backend: string;
  /** Prints the heading of the first act. */
  title(): void;
  /** Closed when the demo ends, whatever ends it; the last one first. */
  use<T extends { close(): Promise<void> }>(thing: T): T;
}

/** What the demo shows of one backend: `acts/NAME.ts` exports it as `play`. Throws DemoError. */
export type Play = (stage: Stage) => Promise<void>;
