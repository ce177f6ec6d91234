// Compiles every backends/**/templates/NAME.hbs into NAME.hbs.ts beside it, which is checked in:
// so that no program of ours carries a template compiler, loads files at run time, or makes code
// from text. A test fails when a template and its compiled form disagree.
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import Handlebars from 'handlebars';

const options = { noEscape: true, strict: true, preventIndent: true, knownHelpersOnly: true };

/** The module that holds a template, ready to run. */
export function compiledModule(source: string): string {
  // Its type says what the text is once it has run.
  const specification: unknown = Handlebars.precompile(source, options);
  if (typeof specification !== 'string') throw new Error('handlebars precompiles to text');
  return [
    '// Made from the .hbs file beside it by `make templates`. Do not edit.',
    '// @ts-nocheck',
    '/* oxlint-disable */',
    "import runtime from 'handlebars/runtime.js';",
    `export const render: (data: unknown) => string = runtime.template(${specification});`,
    '',
  ].join('\n');
}

/** All templates of the project, as paths from its root. */
export function templateFiles(): string[] {
  return globSync('backends/**/templates/*.hbs').sort();
}

if (import.meta.main) {
  for (const file of templateFiles()) writeFileSync(`${file}.ts`, compiledModule(readFileSync(file, 'utf8')));
}
