/** A set as a kernel keeps it. Entries with the seconds they have left; undefined: forever. */
export interface FakeSet {
  readonly type: string;
  /** What follows the type: `family inet maxelem 65536`. */
  readonly options: string;
  readonly entries: ReadonlyMap<string, number | undefined>;
}
export type FakeSets = ReadonlyMap<string, FakeSet>;

const ip = '[0-9a-f.:]+';
const port = '(?:tcp|udp|sctp):\\d{1,5}';
/** The entries that a set may hold, by its type. */
const entryForms: Readonly<Record<string, RegExp>> = {
  'hash:ip': new RegExp(`^${ip}$`),
  'hash:ip,port': new RegExp(`^${ip},${port}$`),
  'hash:ip,port,ip': new RegExp(`^${ip},${port},${ip}$`),
  'hash:ip,port,net': new RegExp(`^${ip},${port},${ip}(?:/[1-9]\\d*)?$`),
  'bitmap:port': /^\d{1,5}$/,
};

/**
 * One line of `ipset -exist restore`, taken or refused as ipset 7.17 takes and refuses it.
 *
 * isReferenced   whether a rule names the set
 */
export function editSets(
  sets: FakeSets,
  line: string,
  isReferenced: (name: string) => boolean,
): { readonly sets: FakeSets; readonly problem: string | undefined } {
  const [command = '', name = '', ...rest] = line.trim().split(/ +/);
  const refuse = (problem: string) => ({ sets, problem });
  const write = (changes: readonly (readonly [string, FakeSet | undefined])[]) => {
    const next = new Map(sets);
    for (const [changed, set] of changes) {
      if (set === undefined) next.delete(changed);
      else next.set(changed, set);
    }
    return { sets: next, problem: undefined };
  };
  const found = sets.get(name);
  if (name.length > 31) return refuse(`Syntax error: setname '${name}' is longer than 31 characters`);
  if (command === 'create') {
    const [type = '', ...options] = rest;
    if (entryForms[type] === undefined) return refuse(`Syntax error: unknown settype ${type}`);
    const made = { type, options: options.join(' '), entries: new Map() };
    if (found === undefined) return write([[name, made]]);
    return found.type === type && found.options === made.options
      ? { sets, problem: undefined }
      : refuse('Set cannot be created: set with the same name already exists');
  }
  // With -exist, destroying what is not there is no error.
  if (command === 'destroy' && found === undefined) return { sets, problem: undefined };
  if (found === undefined) return refuse('The set with the given name does not exist');
  const [entry = ''] = rest;
  switch (command) {
    case 'add': {
      if (!entryForms[found.type]?.test(entry)) return refuse(`Syntax error: cannot parse ${entry}`);
      const limit = Number(/maxelem (\d+)/.exec(found.options)?.[1] ?? 65_536);
      if (!found.entries.has(entry) && found.entries.size >= limit)
        return refuse('Hash is full, cannot add more elements');
      const timeout = rest[1] === 'timeout' ? Number(rest[2]) : undefined;
      if (timeout !== undefined && !/ timeout \d+/.test(found.options))
        return refuse('Timeout is not supported by the set');
      return write([[name, { ...found, entries: new Map(found.entries).set(entry, timeout) }]]);
    }
    case 'del': {
      const entries = new Map(found.entries);
      entries.delete(entry);
      return write([[name, { ...found, entries }]]);
    }
    case 'destroy':
      return isReferenced(name)
        ? refuse('Set cannot be destroyed: it is in use by a kernel component')
        : write([[name, undefined]]);
    case 'swap': {
      const other = sets.get(entry);
      if (other === undefined) return refuse('The set with the given name does not exist');
      if (other.type !== found.type) return refuse('The sets cannot be swapped: their type does not match');
      return write([
        [name, other],
        [entry, found],
      ]);
    }
    default:
      return refuse(`Syntax error: unknown command ${command}`);
  }
}

/** The output of `ipset save`, with what a kernel chooses by itself. */
export function saveSets(sets: FakeSets): string {
  const lines = [...sets].flatMap(([name, { type, options, entries }]) => [
    `create ${name} ${type} ${type.startsWith('hash') ? options.replace('maxelem', 'hashsize 1024 maxelem') : options}${type.startsWith('hash') ? ' bucketsize 12 initval 0x95bbe428' : ''}`,
    ...[...entries].map(([entry, left]) => `add ${name} ${entry}${left === undefined ? '' : ` timeout ${left}`}`),
  ]);
  return lines.map((line) => `${line}\n`).join('');
}
