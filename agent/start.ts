/**
 * Where `slicewright` starts: keeps compiled code between runs, a third of a command's time, then reads the command line.
 *
 * The built program keeps the code of each command that ends (`kept-code.ts`). Node keeps the code of the others: an agent
 * and a controller set flags of V8 while they run, and V8 refuses code that was made under other flags.
 * NODE_DISABLE_COMPILE_CACHE=1 switches both off. NODE_COMPILE_CACHE names another folder, in which Node keeps all code.
 */
import { enableCompileCache } from 'node:module';
import { compileCacheFolder } from './compile-cache.ts';
import { keptCodePath, loadWithKeptCode } from './kept-code.ts';

// With that variable Node would trust the certificate of every server, an identity provider's too. Here it has no effect:
// a kubeconfig can switch verification off for its own server.
delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];

const staying: readonly string[] = ['agent', 'controller'];
const { NODE_DISABLE_COMPILE_CACHE: off, NODE_COMPILE_CACHE: chosen } = process.env;
const word = process.argv[2] ?? '';
// The sources are ES modules, in which this name is unknown.
const program = typeof __dirname === 'undefined' ? undefined : __dirname;

const folder = off || chosen ? undefined : compileCacheFolder(process.env, process.getuid?.());
const path = folder && program && !staying.includes(word) ? keptCodePath(folder, program, word) : undefined;
const keep = path && program ? loadWithKeptCode(program, path) : undefined;
if (folder !== undefined && keep === undefined) enableCompileCache(folder);

void import('./cli.ts').then(({ isCommand, main }) => {
  if (keep !== undefined && isCommand(word)) process.once('exit', keep);
  return main();
});
