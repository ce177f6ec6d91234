import type { Diagnostic } from '../compiler/values/diagnostic.ts';
import type { Backend, LiveBackend, Made, PlaneOptions, Remains } from './backend.ts';
import type { Run } from './command.ts';
import { iptablesTables } from './iptables/table-writer.ts';
import { isIpvsLink } from './ipvs/program/link-name.ts';
import { ipvsTables } from './ipvs/table-writer.ts';
import { tableDangerCodes } from './netfilter/danger-codes.ts';
import type { TableWriter } from './netfilter/own-chains.ts';
import { trafficDangerCodes } from './planning/danger-codes.ts';
import { leavingOthers, makeWay } from './plane/leaving.ts';
import type { FamilyPlane } from './plane/plane.ts';
import type { Scope } from './target.ts';

/** One line of the list. */
export interface BackendEntry {
  readonly name: string;
  /** How it writes chains into netfilter's tables; undefined: it writes none. */
  readonly tables: TableWriter | undefined;
  /** Whether it makes a network interface of this name and binds Services' addresses there, under any prefix. */
  readonly isServiceLink: (name: string) => boolean;
  /** Codes of the dangers that its plans can have, besides those to clients (`trafficDangerCodes`). */
  readonly dangers: readonly string[];
  /** Loaded when asked for: a command pays for the one backend that it uses. */
  readonly load: (writers: readonly TableWriter[]) => Promise<Backend>;
}

/**
 * The list of backends; this is the one place that knows them all. The first is the default.
 *
 * Their order is the order in which they are cleaned up: rules before the sets that they look into.
 */
const entries: BackendEntry[] = [
  {
    name: 'iptables',
    tables: iptablesTables,
    isServiceLink: () => false,
    dangers: tableDangerCodes,
    load: async (writers) => (await import('./iptables/index.ts')).createIptables(writers),
  },
  {
    name: 'ipvs',
    tables: ipvsTables,
    isServiceLink: isIpvsLink,
    dangers: [...tableDangerCodes, 'foreign-server', 'other-set'],
    load: async (writers) => (await import('./ipvs/index.ts')).createIpvs(writers),
  },
  {
    name: 'nftables',
    tables: undefined,
    isServiceLink: () => false,
    dangers: ['another-writer'],
    load: async () => (await import('./nftables/index.ts')).createNftables(),
  },
];

const loaded = new Map<string, Promise<Backend>>();

/** In the order of the list. */
export function backendNames(): readonly string[] {
  return entries.map(({ name }) => name);
}

/** The backend that is used where the user chose none. */
export function defaultBackend(): string {
  return entries[0]?.name ?? '';
}

/** Every code that a danger of a plan can have, whatever the backend. */
export function dangerCodes(): readonly string[] {
  return [...new Set([...trafficDangerCodes, ...entries.flatMap(({ dangers }) => dangers)])];
}

/** throws   a plain Error for a name that is not in the list */
export function byName(name: string): Promise<Backend> {
  const known = loaded.get(name);
  if (known !== undefined) return known;
  const backend = entryOf(name).load(tableWriters());
  loaded.set(name, backend);
  return backend;
}

/** Every backend that writes chains into netfilter's tables. */
export function tableWriters(): readonly TableWriter[] {
  return entries.flatMap(({ tables }) => tables ?? []);
}

/** Whether some backend binds Services' addresses to an interface of this name: they are not the node's own then. */
export function isServiceLink(name: string): boolean {
  return entries.some((entry) => entry.isServiceLink(name));
}

/** Adds a backend to the list, as a line above does; the function that is returned takes it out again. */
export function register(entry: BackendEntry): () => void {
  entries.push(entry);
  loaded.clear();
  return () => {
    entries.splice(entries.indexOf(entry), 1);
    loaded.clear();
  };
}

/** A backend before a kernel, on a node where other backends may have been in force. */
export interface Mode {
  readonly backend: Backend;
  readonly live: LiveBackend;
  /** Before this mode's rules come into force in a family: what the other backends change for that. Returns warnings. */
  makeWay(run: Run, scope: Scope): Promise<readonly Diagnostic[]>;
  /** What the other backends left in one family. */
  remains(run: Run, scope: Scope): Promise<readonly Remains[]>;
  /** The agent's plane, which also removes what the other backends left. */
  createPlane(options: PlaneOptions): FamilyPlane;
}

export async function loadMode(name: string): Promise<Mode> {
  const backend = await byName(name);
  const live = await backend.live();
  const successor = { writesTables: entryOf(name).tables !== undefined };
  const others = await liveBackends(backendNames().filter((other) => other !== name));
  return {
    backend,
    live,
    makeWay: (run, scope) => makeWay(others, run, scope),
    async remains(run, scope) {
      const found: Remains[] = [];
      for (const other of others) {
        const remains = await other.remains(run, scope, successor);
        if (remains !== undefined) found.push(remains);
      }
      return found;
    },
    createPlane: (options) => leavingOthers(live.createPlane(options), others, options, successor),
  };
}

/** In the order of the list, which is the order of a clean-up. */
export async function liveBackends(names: readonly string[] = backendNames()): Promise<readonly LiveBackend[]> {
  return Promise.all(names.map(async (name) => (await byName(name)).live()));
}

function entryOf(name: string): BackendEntry {
  const entry = entries.find((one) => one.name === name);
  if (entry === undefined) throw new Error(`no backend is called ${name}`);
  return entry;
}

/**
 * The documents of both families as one file each: files of the same name are joined. A setting that both
 * have is written once: sysctls know no families.
 */
export function joinFiles(made: readonly Made[]): ReadonlyMap<string, string> {
  const joined = new Map<string, string>();
  for (const one of made) {
    for (const [name, text] of one.files()) {
      const before = joined.get(name);
      joined.set(name, before === undefined ? text : before + withoutSettings(text, before));
    }
  }
  return joined;
}

function withoutSettings(text: string, known: string): string {
  const lines = new Set(known.split('\n').filter((line) => /^[\w./-]+=\S*$/.test(line)));
  return text
    .split(/(?<=\n)/)
    .filter((line) => !lines.has(line.trimEnd()))
    .join('');
}
