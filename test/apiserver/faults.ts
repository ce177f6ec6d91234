import type { ServerResponse } from 'node:http';

/** How a double misbehaves. Each fault is a function of one place where real servers and networks fail. */
export interface Faults {
  /** Before an answer: may delay it, answer by itself, or destroy the connection. */
  readonly beforeAnswer?: (url: URL, response: ServerResponse) => Promise<void> | void;
  /** Instead of writing a watch's line: cut it, delay it, repeat it, hold it back. */
  readonly onEventLine?: (line: string, response: ServerResponse) => void;
  /** Plural names of kinds that RBAC refuses. */
  readonly forbidden?: readonly string[];
  /** Time between two bookmarks; 60 s as with a real server when absent. */
  readonly bookmarkMs?: number;
}

export const noFaults: Faults = {};
