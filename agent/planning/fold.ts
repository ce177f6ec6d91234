/** Something that a line says, and how it says it where there is little room. */
export interface Fact {
  readonly whole: string;
  readonly brief: string;
}

export interface LineParts {
  readonly sign: string;
  readonly service: string;
  /** Its name; empty for the unnamed port. */
  readonly port: string;
  readonly frontends: readonly string[];
  readonly facts: readonly Fact[];
}

/** A line that is indented by two stays under 160. */
const longest = 157;
const rest = ' … (plan --verbose)';
/** Frontends that are named at most, and characters of a name: what is tried in turn, from much to little. */
const levels = [
  { frontends: 3, name: Number.POSITIVE_INFINITY },
  { frontends: 1, name: Number.POSITIVE_INFINITY },
  { frontends: 1, name: 40 },
  { frontends: 1, name: 20 },
  { frontends: 1, name: 12 },
] as const;
/** Room that the facts have to have before names are let be as long as they are. */
const enough = 48;

/** One line, whatever the names, and however much there is to say: whole if it fits, else facts in brief, else some. */
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

/** As many as there is room for, and the first even where it has to be cut. */
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

/** Its beginning and its end: names of one kind mostly differ there. */
export function foldName(name: string, most: number): string {
  if (name.length <= most) return name;
  const end = Math.floor((most - 1) / 2);
  return `${name.slice(0, most - 1 - end)}…${name.slice(name.length - end)}`;
}

/** What another program wrote into a comment is text of whoever could write there: a terminal must not obey it. */
export function clean(text: string): string {
  return text.replace(/\p{C}/gu, '?');
}

function lengthOf(text: string): number {
  return text.length;
}
