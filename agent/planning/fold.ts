/** A fact on a line, in full and in brief. */
export interface Fact {
  readonly whole: string;
  readonly brief: string;
}

export interface LineParts {
  readonly sign: string;
  readonly service: string;
  /** The port's name; empty for the unnamed port. */
  readonly port: string;
  readonly frontends: readonly string[];
  readonly facts: readonly Fact[];
}

/** With an indentation of two, a line stays under 160 characters. */
const longest = 157;
const rest = ' … (plan --verbose)';
/** How many frontends are named, and how long a name may be: tried in order, from the most to the least. */
const levels = [
  { frontends: 3, name: Number.POSITIVE_INFINITY },
  { frontends: 1, name: Number.POSITIVE_INFINITY },
  { frontends: 1, name: 40 },
  { frontends: 1, name: 20 },
  { frontends: 1, name: 12 },
] as const;
/** Names are cut until this much room is left for the facts. */
const enough = 48;

/** One line, whatever the names and the number of facts: in full if it fits, else with brief facts, else with some of them. */
export function foldLine(parts: LineParts): string {
  return clean(folded(parts));
}

function folded(parts: LineParts): string {
  const heads = levels.map(({ frontends, name }) => head(parts, frontends, name));
  const { facts } = parts;
  for (const texts of [facts.map(({ whole }) => whole), facts.map(({ brief }) => brief)]) {
    for (const first of heads.slice(0, 2)) {
      const line = `${first}${texts.join('; ')}`;
      if (lengthOf(line) <= longest) return line;
    }
  }
  const first = heads.slice(1).find((one) => lengthOf(one) + enough + rest.length <= longest) ?? heads.at(-1) ?? '';
  return `${first}${fill(
    facts.map(({ brief }) => brief),
    longest - lengthOf(first),
  )}`;
}

function head({ sign, service, port, frontends }: LineParts, most: number, name: number): string {
  const shown = frontends.slice(0, most).join(', ');
  const more = frontends.length - Math.min(most, frontends.length);
  const named = port === '' ? '' : `${foldName(port, name)} `;
  return `${sign} ${foldName(service, name)}: ${named}${shown}${more === 0 ? '' : ` and ${more} more`}: `;
}

/** As many facts as fit; the first is always there, even if it has to be cut. */
function fill(texts: readonly string[], room: number): string {
  const [first = '', ...others] = texts;
  if (others.length === 0 && lengthOf(first) <= room) return first;
  if (lengthOf(first) + rest.length > room) return `${first.slice(0, Math.max(room - rest.length, 0))}${rest}`;
  let line = first;
  for (const text of others) {
    if (lengthOf(`${line}; ${text}`) + rest.length > room) return `${line}${rest}`;
    line = `${line}; ${text}`;
  }
  return line;
}

/** Keeps the beginning and the end, where names of one kind mostly differ. */
export function foldName(name: string, most: number): string {
  if (name.length <= most) return name;
  const end = Math.floor((most - 1) / 2);
  return `${name.slice(0, most - 1 - end)}…${name.slice(name.length - end)}`;
}

/** Any program can write text into a rule's comment, so control characters are replaced: a terminal would obey them. */
export function clean(text: string): string {
  return text.replace(/\p{C}/gu, '?');
}

function lengthOf(text: string): number {
  return text.length;
}
