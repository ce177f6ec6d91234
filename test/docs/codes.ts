import { globSync, readFileSync } from 'node:fs';
import { type Node, parseSync, visitorKeys } from 'oxc-parser';

/** Where a code is written. */
export interface CodeUse {
  readonly code: string;
  readonly file: string;
  readonly line: number;
}

/**
 * The codes that sources write, found in their syntax:
 *
 * - texts in the value of a member or variable called `code`, or `event` in the facts of a log line; - texts that are
 * passed for a parameter called `code`, of a function of any of these sources; - a text that begins with fixed words
 * and continues with a value, as it is written: `ipvs-${conflict.kind}`.
 *
 * A value that is passed on, `code` or `found.code`, is written elsewhere. Any other is returned as `?` and its text:
 * code of that form has to be added to this function.
 *
 * sources   path → text
 */
export function codesIn(sources: ReadonlyMap<string, string>): readonly CodeUse[] {
  const programs = [...sources].map(([file, text]) => ({ file, text, program: parseSync(file, text).program as Node }));
  const constants = textConstants(programs.map(({ program }) => program));
  const parameters = codeParameters(programs.map(({ program }) => program));
  return programs.flatMap(({ file, text, program }) => {
    const uses: CodeUse[] = [];
    const add = (value: Node, isCode = true) => {
      const words = wordsIn(value, text, constants).filter(
        ({ code }) => isLikeCode(code) || (isCode && code.startsWith('?')),
      );
      for (const { code, at } of words) uses.push({ code, file, line: text.slice(0, at).split('\n').length });
    };
    walk(program, (node) => {
      if (node.type === 'Property' && isNamed(node.key, 'code') && !node.computed) add(node.value);
      if (node.type === 'Property' && isNamed(node.key, 'event')) add(node.value, false);
      if (node.type === 'VariableDeclarator' && isNamed(node.id, 'code') && node.init !== null) add(node.init);
      if (node.type === 'AssignmentPattern' && isNamed(node.left, 'code')) add(node.right);
      if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return;
      const index = parameters.get(calleeName(node.callee) ?? '');
      const given = index === undefined ? undefined : node.arguments[index];
      // Another function of the same name may expect something else at this position.
      if (given !== undefined) add(given, false);
    });
    return uses;
  });
}

/** Sources whose diagnostics and log lines people meet. */
export function productSources(root: string): ReadonlyMap<string, string> {
  const files = globSync('{compiler,backends,agent,controller}/**/*.ts', { cwd: root }).sort();
  const counted = files.filter((file) => !/\.(?:test|fixture)\.ts$|\/fake\/|\.hbs\.ts$/.test(file));
  return new Map(counted.map((file) => [file, readFileSync(`${root}${file}`, 'utf8')]));
}

/** A word, or words joined by hyphens, some of which may be filled in. */
function isLikeCode(text: string): boolean {
  return /^(?:[A-Za-z]|\$\{[\w.]+\}-)(?:[\w-]|\$\{[\w.]+\})*$/.test(text);
}

/** `const massRemovalCode = 'mass-removal'`: texts with a name. */
function textConstants(programs: readonly Node[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const program of programs) {
    walk(program, (node) => {
      if (node.type !== 'VariableDeclarator' || node.init?.type !== 'Literal') return;
      const name = nameOf(node.id);
      const { value } = node.init;
      if (name !== undefined && typeof value === 'string' && isLikeCode(value)) found.set(name, value);
    });
  }
  return found;
}

/** Name of each function that takes a code, with the position of the code: `fileProblem` → 1. */
function codeParameters(programs: readonly Node[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const note = (name: string | undefined, parameters: readonly Node[]) => {
    const index = parameters.findIndex((one) => isNamed(one.type === 'AssignmentPattern' ? one.left : one, 'code'));
    if (name !== undefined && index >= 0) found.set(name, index);
  };
  for (const program of programs) {
    walk(program, (node) => {
      if (node.type === 'FunctionDeclaration') note(node.id?.name, node.params);
      if (node.type === 'VariableDeclarator' && node.init?.type === 'ArrowFunctionExpression')
        note(nameOf(node.id), node.init.params);
      // `type Report = (severity, code, …) => void`: values of this type are called `report`.
      if (node.type === 'TSTypeAliasDeclaration' && node.typeAnnotation.type === 'TSFunctionType')
        note(node.id.name.toLowerCase(), node.typeAnnotation.params);
      if (node.type !== 'ClassDeclaration') return;
      for (const member of node.body.body)
        if (member.type === 'MethodDefinition' && member.kind === 'constructor')
          note(node.id?.name, member.value.params);
    });
  }
  return found;
}

/** Texts that a value may have, whatever chooses between them. */
function wordsIn(value: Node, text: string, constants: ReadonlyMap<string, string>): { code: string; at: number }[] {
  const within = (...values: readonly Node[]) => values.flatMap((one) => wordsIn(one, text, constants));
  const at = value.start;
  switch (value.type) {
    case 'Literal':
      return typeof value.value === 'string' ? [{ code: value.value, at }] : [];
    case 'TemplateLiteral':
      return [{ code: text.slice(value.start + 1, value.end - 1), at }];
    case 'ConditionalExpression':
      return within(value.consequent, value.alternate);
    case 'TSAsExpression':
      return within(value.expression);
    case 'AssignmentPattern':
      return within(value.right);
    case 'Identifier': {
      const code = constants.get(value.name);
      if (code !== undefined) return [{ code, at }];
      break;
    }
    default:
  }
  const written = text.slice(value.start, value.end);
  return /(?:^|[.])code$/.test(written) ? [] : [{ code: `?${written}`, at }];
}

/** The texts of a union type that a source declares: `type Reason = 'locked' | Other` → `locked`. */
export function unionTexts(file: string, text: string, name: string): readonly string[] {
  const found: string[] = [];
  walk(parseSync(file, text).program, (node) => {
    if (node.type !== 'TSTypeAliasDeclaration' || node.id.name !== name) return;
    walk(node.typeAnnotation, (part) => {
      if (part.type === 'TSLiteralType' && part.literal.type === 'Literal') found.push(String(part.literal.value));
    });
  });
  return found;
}

function calleeName(callee: Node): string | undefined {
  if (callee.type === 'MemberExpression') return nameOf(callee.property);
  return nameOf(callee);
}

function isNamed(node: Node, name: string): boolean {
  return nameOf(node) === name;
}

export function nameOf(node: Node): string | undefined {
  return node.type === 'Identifier' ? node.name : undefined;
}

export function walk(node: Node, visit: (node: Node) => void): void {
  visit(node);
  for (const key of visitorKeys[node.type] ?? []) {
    const child = (node as unknown as Record<string, Node | readonly (Node | null)[] | null | undefined>)[key];
    if (Array.isArray(child)) {
      for (const one of child as readonly (Node | null)[]) if (one !== null) walk(one, visit);
    } else if (child) walk(child as Node, visit);
  }
}
