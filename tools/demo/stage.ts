/** What an act gets from the demo. */
export interface Stage {
  /** The backend that the demo shows. */
  readonly backend: string;
  /** Prints the heading of the first act. */
  title(): void;
  /** Closed when the demo ends, however it ends; the last one first. */
  use<T extends { close(): Promise<void> }>(thing: T): T;
}

/** The demo's act for one backend: `acts/NAME.ts` exports it as `play`. Throws DemoError. */
export type Play = (stage: Stage) => Promise<void>;
