/**
 * Go's text/template, as far as the chart uses it: fields, variables, pipelines, `if`, `with`, `range`, `define`, and
 * trimming. Not every machine has helm, and the packages on npm either want a Go toolchain or lack helm's functions.
 * Anything else in a template is an error here, so the chart cannot use a construct that this evaluator does not
 * understand; where helm is installed, both render the chart.
 */

type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'output'; readonly pipeline: Pipeline }
  | { readonly kind: 'assign'; readonly name: string; readonly isNew: boolean; readonly pipeline: Pipeline }
  | { readonly kind: 'define'; readonly name: string; readonly body: readonly Node[] }
  | {
      readonly kind: 'if' | 'with' | 'range';
      readonly pipeline: Pipeline;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    };

/** Commands, each of which gets the result of the previous one as its last argument. */
type Pipeline = readonly (readonly Term[])[];

type Term =
  | { readonly kind: 'literal'; readonly value: string | number }
  | { readonly kind: 'field'; readonly variable: string | undefined; readonly path: readonly string[] }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'pipeline'; readonly pipeline: Pipeline };

export type TemplateFunction = (...args: readonly unknown[]) => unknown;

interface Scope {
  readonly dot: unknown;
  readonly variables: Map<string, unknown>;
  readonly parent: Scope | undefined;
}

/**
 * The named templates of all files and the text of each file, as in helm.
 *
 * files      text by name
 * functions  all functions that templates may call besides `include`; Go's own functions must be given too
 * returns    text by name
 * throws     Error for an unknown construct, and any error of a function
 */
export function renderTemplates(
  files: ReadonlyMap<string, string>,
  dot: unknown,
  functions: Readonly<Record<string, TemplateFunction>>,
): ReadonlyMap<string, string> {
  const parsed = [...files].map(([name, text]) => [name, parseTemplate(text)] as const);
  const defined = new Map(
    parsed.flatMap(([, nodes]) => nodes.flatMap((node) => (node.kind === 'define' ? [[node.name, node.body]] : []))),
  );
  const known: Record<string, TemplateFunction> = {
    ...functions,
    include: (name, at) => {
      const body = defined.get(String(name));
      if (body === undefined) throw new Error(`no template is called ${String(name)}`);
      return run(body, scopeOf(at));
    },
  };

  function run(nodes: readonly Node[], scope: Scope): string {
    return nodes.map((node) => runNode(node, scope)).join('');
  }

  function runNode(node: Node, scope: Scope): string {
    switch (node.kind) {
      case 'text':
        return node.text;
      case 'output':
        return printed(evaluate(node.pipeline, scope));
      case 'define':
        return '';
      case 'assign': {
        const value = evaluate(node.pipeline, scope);
        (node.isNew ? scope : holderOf(node.name, scope)).variables.set(node.name, value);
        return '';
      }
      case 'if':
      case 'with':
      case 'range': {
        const value = evaluate(node.pipeline, scope);
        if (!isTrue(value)) return run(node.otherwise, scopeOf(scope.dot, scope));
        if (node.kind === 'if') return run(node.body, scopeOf(scope.dot, scope));
        const items = node.kind === 'with' ? [value] : (value as readonly unknown[]);
        return items.map((item) => run(node.body, scopeOf(item, scope))).join('');
      }
    }
  }

  function evaluate(pipeline: Pipeline, scope: Scope): unknown {
    return pipeline.reduce<readonly unknown[]>((before, [head, ...rest]) => {
      const args = [...rest.map((term) => valueOf(term, scope)), ...before];
      const value = head!.kind === 'function' ? functionNamed(head!.name) : valueOf(head!, scope);
      if (typeof value === 'function') return [(value as TemplateFunction)(...args)];
      if (args.length > 0) throw new Error(`${JSON.stringify(head)} is given arguments and is no function`);
      return [value];
    }, [])[0];
  }

  function functionNamed(name: string): TemplateFunction {
    const found = known[name];
    if (found === undefined) throw new Error(`the function ${name} is not understood`);
    return found;
  }

  function valueOf(term: Term, scope: Scope): unknown {
    switch (term.kind) {
      case 'literal':
        return term.value;
      case 'pipeline':
        return evaluate(term.pipeline, scope);
      case 'function':
        return functionNamed(term.name)();
      case 'field': {
        const from =
          term.variable === undefined ? scope.dot : holderOf(term.variable, scope).variables.get(term.variable);
        return term.path.reduce((at, key) => {
          // Stricter than Go, which treats a missing key as empty.
          if (typeof at !== 'object' || at === null || !(key in at)) throw new Error(`there is no .${key}`);
          return (at as Record<string, unknown>)[key];
        }, from);
      }
    }
  }

  return new Map(parsed.map(([name, nodes]) => [name, run(nodes, scopeOf(dot))]));
}

function scopeOf(dot: unknown, parent?: Scope): Scope {
  return { dot, variables: new Map(), parent };
}

function holderOf(name: string, scope: Scope): Scope {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) if (at.variables.has(name)) return at;
  throw new Error(`the variable ${name} is not set`);
}

/** Whether a value counts as true in Go's templates: it is not empty. */
export function isTrue(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

function printed(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new Error(`${JSON.stringify(value)} has no text that YAML would understand`);
}

function parseTemplate(text: string): Node[] {
  const [first = '', ...parts] = text.split(/(\{\{-?\s*(?:\/\*.*?\*\/|.*?)\s*-?\}\})/s);
  const pieces = [first, ...parts];
  const trimmed = pieces.map((piece, i) => {
    if (i % 2 === 1) return piece;
    const left = pieces[i - 1]?.endsWith('-}}') ? piece.trimStart() : piece;
    return pieces[i + 1]?.startsWith('{{-') ? left.trimEnd() : left;
  });
  let at = 0;

  /** Reads up to the `else` or `end` that closes it, and leaves the closing word unread. */
  function body(): Node[] {
    const nodes: Node[] = [];
    for (; at < trimmed.length; at++) {
      const piece = trimmed[at]!;
      if (at % 2 === 0) {
        nodes.push({ kind: 'text', text: piece });
        continue;
      }
      const action = actionIn(piece);
      if (/^(end|else)\b/.test(action)) return nodes;
      const node = nodeOf(action);
      if (node !== undefined) nodes.push(node);
    }
    return nodes;
  }

  function nodeOf(action: string): Node | undefined {
    if (action.startsWith('/*')) return undefined;
    const [, word, rest = ''] = /^(if|with|range|define)\s+(.*)$/s.exec(action) ?? [];
    if (word === 'define') return { kind: 'define', name: JSON.parse(rest) as string, body: block().body };
    if (word === 'if' || word === 'with' || word === 'range')
      return { kind: word, pipeline: parsePipeline(rest), ...block() };
    const [, name, sign, value] = /^\$(\w+)\s*(:?=)\s*(.*)$/s.exec(action) ?? [];
    if (name !== undefined) return { kind: 'assign', name, isNew: sign === ':=', pipeline: parsePipeline(value!) };
    return { kind: 'output', pipeline: parsePipeline(action) };
  }

  function block(): { readonly body: readonly Node[]; readonly otherwise: readonly Node[] } {
    at++;
    const main = body();
    const isElse = closing() === 'else';
    if (isElse) at++;
    const otherwise = isElse ? body() : [];
    if (closing() !== 'end') throw new Error('a block has no end, or one of its words is not understood');
    return { body: main, otherwise };
  }

  const closing = () => (at < trimmed.length ? actionIn(trimmed[at]!) : undefined);

  const nodes = body();
  if (at < trimmed.length) throw new Error(`${trimmed[at]} closes nothing`);
  return nodes;
}

function actionIn(piece: string): string {
  return piece.replace(/^\{\{-?\s*/, '').replace(/\s*-?\}\}$/, '');
}

function parsePipeline(text: string): Pipeline {
  const words = text.match(/"(?:[^"\\]|\\.)*"|[()|]|[^\s()|"]+/g) ?? [];
  let at = 0;

  function pipeline(): Pipeline {
    const commands: Term[][] = [[]];
    for (; at < words.length && words[at] !== ')'; at++) {
      const word = words[at]!;
      if (word === '|') commands.push([]);
      else if (word === '(') {
        at++;
        commands.at(-1)?.push({ kind: 'pipeline', pipeline: pipeline() });
        if (words[at] !== ')') throw new Error(`a bracket is not closed in ${text}`);
      } else commands.at(-1)?.push(termOf(word));
    }
    if (commands.some(({ length }) => length === 0)) throw new Error(`a command is empty in ${text}`);
    return commands;
  }

  const parsed = pipeline();
  if (at < words.length) throw new Error(`a bracket closes nothing in ${text}`);
  return parsed;
}

function termOf(word: string): Term {
  if (word.startsWith('"')) return { kind: 'literal', value: JSON.parse(word) as string };
  if (/^\d+$/.test(word)) return { kind: 'literal', value: Number(word) };
  const [, variable, fields] = /^(?:\$(\w+))?((?:\.\w+)*|\.)$/.exec(word) ?? [];
  if (fields !== undefined && (variable !== undefined || fields !== ''))
    return { kind: 'field', variable, path: fields.split('.').filter((name) => name !== '') };
  if (/^[a-zA-Z]+$/.test(word)) return { kind: 'function', name: word };
  throw new Error(`${word} is not understood`);
}
