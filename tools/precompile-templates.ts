// Compiles every templates/NAME.hbs into NAME.hbs.ts beside it, and bundles the script of a report's page. Both results
// are checked in. So none of slicewright's programs carries a template compiler, loads files at run time, or makes code
// from text, and the sources run without a build. A test fails when a source and its result disagree.
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import Handlebars from 'handlebars';

const options = { strict: true, preventIndent: true, knownHelpersOnly: true };

/**
 * The module that holds a template, ready to run. Values are escaped in HTML, but not in the documents that tools read.
 */
export function compiledModule(file: string, source: string): string {
  const isHtml = file.endsWith('.html.hbs');
  // Handlebars declares the type of the evaluated text; the value itself is text.
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

/** The script of a report's page, and the module that holds it as text. */
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
