import type { IncomingMessage, ServerResponse } from 'node:http';

/** How a double misbehaves. Each fault is a function of one place where real servers and networks fail. */
export interface Faults {
  /** Runs before an answer: may delay it, answer instead, or destroy the connection. */
  readonly beforeAnswer?: (url: URL, response: ServerResponse, request: IncomingMessage) => Promise<void> | void;
  /** Replaces the writing of a watch's line: may cut it, delay it, repeat it, hold it back. */
  readonly onEventLine?: (line: string, response: ServerResponse) => void;
  /** Plural names of kinds that RBAC denies. */
  readonly forbidden?: readonly string[];
  /** Time between two bookmarks; 60 s as with a real server when absent. */
  readonly bookmarkMs?: number;
}

export const noFaults: Faults = {};

/** Answers as an API server does when it refuses a request. */
export function refuse(response: ServerResponse, code: number, message: string, headers = {}): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify({ kind: 'Status', code, message }));
}

type OnEventLine = NonNullable<Faults['onEventLine']>;

/** Holds each line back until the next line of its stream was sent, or for this long. */
export function swapLines(holdMs: number): OnEventLine {
  const waiting = new Map<ServerResponse, string>();
  return (line, response) => {
    const before = waiting.get(response);
    if (before !== undefined) {
      waiting.delete(response);
      response.write(line + before);
      return;
    }
    waiting.set(response, line);
    setTimeout(() => {
      if (waiting.get(response) !== line) return;
      waiting.delete(response);
      response.write(line);
    }, holdMs);
  };
}

/** Ends the connection in the middle of each n-th line. */
export function cutLines(n: number): OnEventLine {
  let lines = 0;
  return (line, response) => {
    if (++lines % n !== 0) return void response.write(line);
    response.write(line.slice(0, line.length / 2));
    setTimeout(() => response.destroy(), 5);
  };
}
