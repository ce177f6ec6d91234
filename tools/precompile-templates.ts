// Compiles every templates/NAME.hbs into NAME.hbs.ts beside it, and bundles what runs in the page of a report. Both are
// checked in: so that none of slicewright's programs carries a template compiler, loads files at run time, or makes code
// from text, and the sources run without a build. A test fails when a source and what was made of it disagree.
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import Handlebars from 'handlebars';

const options = { strict: true, preventIndent: true, knownHelpersOnly: true };

/** The module that holds a template, ready to run. What is put into HTML is escaped, what the tools read is not. */
export function compiledModule(file: string, source: string): string {
  const isHtml = file.endsWith('.html.hbs');
  // Its type says what the text is once it has run.
  const specification: unknown = Handlebars.precompile(source, { ...options, noEscape: !isHtml });
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
  return globSync('{backends,agent}/**/templates/*.hbs').sort();
}

/** What runs in the page of a report, and the module that holds it as text. */
export const pageScript = { source: 'agent/report/browser/main.ts', module: 'agent/report/browser/main.bundle.ts' };

/** The module of {@link pageScript}: the same bytes for the same sources. */
export async function scriptModule(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [pageScript.source],
    bundle: true,
    format: 'iife',
    target: 'es2023',
    charset: 'ascii',
    minify: true,
    write: false,
    logLevel: 'warning',
  });
  const text = outputFiles.map((file) => file.text).join('');
  return [
    '// Made from main.ts by `make templates`. Do not edit.',
    '/* oxlint-disable */',
    `export const script = ${JSON.stringify(text)};`,
    '',
  ].join('\n');
}

if (import.meta.main) {
  for (const file of templateFiles()) writeFileSync(`${file}.ts`, compiledModule(file, readFileSync(file, 'utf8')));
  writeFileSync(pageScript.module, await scriptModule());
}
