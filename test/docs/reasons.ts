import { type Node, parseSync } from 'oxc-parser';
import { nameOf, walk } from './codes.ts';

/**
 * The reasons of Events and conditions that sources write, found in their syntax: texts in a member or variable called
 * `reason`, texts in a list called `conflicts`, and texts passed for a parameter of that name, also with an ending, as
 * `${type}Succeed`.
 *
 * sources   path → text
 */
export function reasonsIn(sources: ReadonlyMap<string, string>): ReadonlySet<string> {
  const found = new Set<string>();
  for (const [file, text] of sources) {
    const program = parseSync(file, text).program as Node;
    const places = new Map<string, { readonly index: number; readonly ending: string }>();
    walk(program, (node) => noteFunction(node, text, places));
    walk(program, (node) => {
      if (node.type === 'Property' && nameOf(node.key) === 'reason') add(node.value);
      if (node.type === 'VariableDeclarator' && isNamed(node.id) && node.init !== null) add(node.init);
      if (node.type !== 'CallExpression') return;
      const place = places.get(nameOf(node.callee) ?? '');
      const given = place === undefined ? undefined : node.arguments[place.index];
      if (place !== undefined && given !== undefined) add(given, place.ending);
    });
  }
  return found;

  function add(value: Node, ending = ''): void {
    if (value.type === 'Literal' && typeof value.value === 'string') found.add(`${value.value}${ending}`);
    for (const one of partsOf(value)) add(one, ending);
  }
}

/** The values that a value may be, or contains. */
function partsOf(value: Node): readonly Node[] {
  if (value.type === 'ConditionalExpression') return [value.consequent, value.alternate];
  return value.type === 'ArrayExpression' ? value.elements.filter((one) => one !== null) : [];
}

/** `conflicts` is a list of reasons. */
function isNamed(node: Node): boolean {
  return ['reason', 'conflicts'].includes(nameOf(node) ?? '');
}

type Places = Map<string, { readonly index: number; readonly ending: string }>;

/** Records functions that take a reason, and those that make one from a parameter and an ending. */
function noteFunction(node: Node, text: string, places: Places): void {
  const made =
    node.type === 'FunctionDeclaration'
      ? { name: node.id?.name, params: node.params, at: node }
      : node.type === 'VariableDeclarator' && node.init?.type === 'ArrowFunctionExpression'
        ? { name: nameOf(node.id), params: node.init.params, at: node.init }
        : undefined;
  if (made?.name === undefined) return;
  const names = made.params.map((one) => nameOf(one as Node));
  const direct = names.indexOf('reason');
  if (direct >= 0) places.set(made.name, { index: direct, ending: '' });
  const body = text.slice(made.at.start, made.at.end);
  const [, from, ending = ''] = /\breason: `\$\{(\w+)\}(\w+)`/.exec(body) ?? [];
  const index = names.indexOf(from);
  if (index >= 0 && !/^\s*function \w+\([^]*function /.test(body)) places.set(made.name, { index, ending });
}
