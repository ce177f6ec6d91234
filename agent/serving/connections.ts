import type { Socket } from 'node:net';

/** The open connections of one or several listeners. */
export interface Connections {
  admit(socket: Socket): void;
}

/**
 * Allows at most `limit` connections. One more ends the oldest: if the new one were refused, a client that
 * holds all connections could keep every probe out.
 */
export function connectionsUpTo(limit: number): Connections {
  /** Oldest first. */
  const open = new Set<Socket>();
  return {
    admit(socket) {
      const [oldest] = open;
      if (open.size >= limit && oldest !== undefined) {
        open.delete(oldest);
        oldest.destroy();
      }
      open.add(socket);
      socket.once('close', () => open.delete(socket));
    },
  };
}
