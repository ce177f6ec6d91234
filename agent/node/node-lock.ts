import { randomBytes } from 'node:crypto';
import { connect, createServer, type Server } from 'node:net';
import type { ChainPrefix } from '../../compiler/settings.ts';
import { type Clock, sleep } from '../loop/clock.ts';
import { type Holder, type LockRole, ownNamespace, parseRole } from './holder.ts';
import { lockDirProblem, type LockFolder, openLockFolder } from './lock-folder.ts';

/*
 * One writer at a time for each network namespace and prefix of chains, because one writer writes to exactly those.
 *
 * A process that wants to write puts a listening socket into a folder of root's, under a name that is used once. If it finds
 * another socket there that listens, it does not write. The kernel provides the properties of a lock:
 *
 *   it ends with its process, however that ends  the kernel stops a socket from listening; with a pid in a file, somebody
 *                                                would have to judge whether it still means the same process
 *   every container sees it                      a socket is found by its path, so processes of different PID
 *                                                namespaces, which cannot see each other, can still connect
 *   no user but root can hold it                 only root can make files in the folder, or connect to its sockets
 *
 * Why two processes never hold it. A socket gets its name only once it listens, so a socket with a name that does not listen
 * never will again; its name is used once, so removing it removes nothing else. Each process looks for others after its own
 * socket is there. So the second of two finds the first, and withdraws. If both find each other, both withdraw, and
 * try again after a random time; neither writes meanwhile.
 */

export interface LockWish {
  readonly dir: string;
  readonly prefix: ChainPrefix;
  readonly role: LockRole;
}

export interface NodeLock {
  release(): Promise<void>;
}

export type LockTry =
  | { readonly kind: 'taken'; readonly lock: NodeLock }
  | { readonly kind: 'held'; readonly by: Holder };

/** How often two processes that found each other at the same moment try again. */
const maxTries = 8;

/**
 * Takes the lock, unless another process has it.
 *
 * throws   InputError where the folder cannot be used
 */
export async function tryLock(wish: LockWish, clock: Pick<Clock, 'timer'>): Promise<LockTry> {
  for (let tries = 1; ; tries++) {
    const folder = openLockFolder(wish.dir);
    const done = await tryIn(folder, wish).catch((error: unknown) => {
      folder.close();
      throw lockDirProblem(wish.dir, `cannot be used: ${error instanceof Error ? error.message : String(error)}`);
    });
    if (done.kind === 'taken') return done;
    folder.close();
    if (!done.isMeeting || tries === maxTries) return done;
    await sleep(clock, 5 * 2 ** tries * Math.random(), new AbortController().signal);
  }
}

/**
 * Waits until no other process writes to this node: two writers with different objects would undo each other's work forever.
 * While an update replaces one agent by the next, the next waits here.
 *
 * clock    used to wait between two tries
 * onWait   called once for each process that is waited for
 * returns  undefined when the signal was aborted first
 * throws   InputError where the folder cannot be used
 */
export async function lockNode(
  wish: LockWish,
  onWait: (holder: Holder) => void,
  signal: AbortSignal,
  clock: Pick<Clock, 'timer'>,
  retryMs = 500,
): Promise<NodeLock | undefined> {
  let told = '';
  while (!signal.aborted) {
    const done = await tryLock(wish, clock);
    if (done.kind === 'taken') return done.lock;
    const { by } = done;
    const who = `${by.role} ${by.pid} ${by.pidNamespace}`;
    if (who !== told) onWait(by);
    told = who;
    await sleep(clock, retryMs, signal);
  }
  return undefined;
}

/** isMeeting   the other process was not there a moment ago, and may withdraw as well */
type Try = Extract<LockTry, { kind: 'taken' }> | (Extract<LockTry, { kind: 'held' }> & { readonly isMeeting: boolean });

async function tryIn(folder: LockFolder, { prefix, role }: LockWish): Promise<Try> {
  const key = `${ownNamespace('net')}.${prefix}`;
  const [earlier] = await liveHolders(folder, key);
  if (earlier !== undefined) return { kind: 'held', by: earlier.holder, isMeeting: false };
  const name = [key, role, process.pid, ownNamespace('pid'), randomBytes(6).toString('hex')].join('.');
  const server = await listenAs(folder, name);
  const leave = async (): Promise<void> => {
    // Removed first, so that no other process finds it; if it were closed first, another one would have to remove it.
    folder.remove(name);
    await new Promise((resolve) => server.close(resolve));
  };
  const other = (await liveHolders(folder, key)).find((one) => one.name !== name);
  if (other !== undefined) {
    await leave();
    return { kind: 'held', by: other.holder, isMeeting: true };
  }
  const release = () => leave().finally(() => folder.close());
  return { kind: 'taken', lock: { release } };
}

interface Entry {
  readonly name: string;
  readonly holder: Holder;
}

/** The live holders of a key. Removes the sockets of processes that have ended, for every key. */
async function liveHolders(folder: LockFolder, key: string): Promise<readonly Entry[]> {
  const live: Entry[] = [];
  for (const name of folder.names()) {
    const parsed = parseName(name);
    if (parsed === undefined) continue;
    const state = await stateOf(folder.at(name));
    if (state === 'over') folder.remove(name);
    if (state === 'listens' && parsed.key === key) live.push({ name, holder: parsed.holder });
  }
  return live;
}

function parseName(name: string): { readonly key: string; readonly holder: Holder } | undefined {
  const match = /^(\d+\.[A-Z0-9]+)\.([a-z]+)\.(\d+)\.(\d+)\.[0-9a-f]+$/.exec(name);
  const [, key, roleText, pid, pidNamespace] = match ?? [];
  const role = parseRole(roleText);
  if (key === undefined || pidNamespace === undefined || role === undefined) return undefined;
  return { key, holder: { role, pid: Number(pid), pidNamespace } };
}

/** Only a refusal proves that no process listens; a process that is too busy to answer (EAGAIN) is there. */
function stateOf(path: string): Promise<'listens' | 'over'> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (state: 'listens' | 'over'): void => {
      socket.destroy();
      resolve(state);
    };
    socket.on('connect', () => end('listens'));
    socket.on('error', ({ code }: NodeJS.ErrnoException) =>
      end(code === 'ECONNREFUSED' || code === 'ENOENT' ? 'over' : 'listens'),
    );
  });
}

async function listenAs(folder: LockFolder, name: string): Promise<Server> {
  const early = `.${name}`;
  const server = createServer((socket) => socket.destroy());
  // Later errors are ignored: a failed accept must not end the agent.
  server.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path: folder.at(early), exclusive: true }, resolve);
  });
  folder.rename(early, name);
  // Holding the lock does not keep the process alive.
  server.unref();
  return server;
}
