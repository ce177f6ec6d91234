/** A command of a document for `nft -f`, with its place: nft complains by line and column. */
export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
  /** The whole line, where the text is a part of it. */
  readonly whole?: string;
}

export interface FakeCommand extends Line {
  readonly verb: 'create' | 'add' | 'delete' | 'flush';
  readonly object: 'table' | 'set' | 'map' | 'chain' | 'rule' | 'element';
  readonly family: 'ip' | 'ip6';
  readonly table: string;
  /** The name of the chain or set; empty for a table. */
  readonly name: string;
  /** What follows the name: a rule, or the text in braces. */
  readonly rest: string;
  /** Elements, one on each line or all on one. */
  readonly elements: readonly Line[];
}

const head = /^(create|add|delete|flush) (table|set|map|chain|rule|element) (ip6?) (\S+)(?: (\S+))?(?: (.*))?$/;

/** The commands of a document; or its first line that is no command. */
export function parseDocument(text: string): readonly FakeCommand[] | { readonly wrong: Line } {
  const lines = text.split('\n');
  const commands: FakeCommand[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (line === '') continue;
    const match = head.exec(line);
    const here: Line = { number: at + 1, text: line };
    if (match === null) return { wrong: here };
    const [, verb, object, family, table = '', name = '', rest = ''] = match;
    const elements: Line[] = [];
    if (object === 'element') {
      if (rest === '{') {
        const end = lines.indexOf('}', at);
        if (end < 0) return { wrong: here };
        for (let inner = at + 1; inner < end; inner++) {
          elements.push({ number: inner + 1, text: (lines[inner] ?? '').replace(/,$/, '') });
        }
        at = end;
      } else {
        const inner = /^\{ (.*) \}$/.exec(rest)?.[1];
        if (inner === undefined) return { wrong: here };
        elements.push(...inner.split(', ').map((one) => ({ number: here.number, text: one, whole: line })));
      }
    }
    commands.push({
      ...here,
      verb: verb as FakeCommand['verb'],
      object: object as FakeCommand['object'],
      family: family as FakeCommand['family'],
      table,
      name,
      rest,
      elements,
    });
  }
  return commands;
}
