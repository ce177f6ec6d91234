import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Script } from 'node:vm';
import { crc32 } from 'node:zlib';

/*
 * V8's code of a command, kept between its runs.
 *
 * V8 compiles a function when it is first called. Node's own compile cache takes a file's code before any function of it
 * has run, so each run compiles most functions again: half of what a small command does. The code that is kept here is
 * taken when a run ends, with every function that the run has called. One file holds the code of one command, because
 * commands call different functions of the same files.
 */

/** The code of one file of the program; V8 refuses it for another version of V8, other flags or another length of text. */
interface Kept {
  readonly name: string;
  /** Of the file, to notice that it has changed: its name holds a digest of what was built, but a person may edit it. */
  readonly modifiedMs: number;
  readonly bytecode: Uint8Array;
}

/** One file that this process has loaded. */
interface Loaded extends Omit<Kept, 'bytecode'> {
  readonly script: Script;
}

/** What the files of the program see as their `module`. */
interface Module {
  exports: unknown;
}

const before = Buffer.from('(function(exports,require,module,__filename,__dirname){');
const after = Buffer.from('\n})');

/**
 * From now on, loads the files of `program` with the code that an earlier run of the command has left.
 *
 * The first file comes through Node's loader (`require.extensions`). It and the others then find each other here: they are
 * in one folder and name each other `./name.js`, so that no path has to be searched for and resolved, which takes Node as
 * long as loading the code.
 *
 * program  the folder of the built program, whose files are CommonJS in ASCII
 * path     where the command's code is kept
 * returns  keeps the code of what was loaded, if some file had none; to be called when the process ends
 */
export function loadWithKeptCode(program: string, path: string): () => void {
  const kept = readKept(path);
  const loaded: Loaded[] = [];
  const modules = new Map<string, Module>();
  let isComplete = true;
  const nodes = createRequire(`${program}/start.js`);

  function run(module: Module, file: string): void {
    const name = file.slice(program.length + 1);
    const modifiedMs = statSync(file).mtimeMs;
    const known = kept.get(name);
    const bytecode = known?.modifiedMs === modifiedMs ? known.bytecode : undefined;
    const script = compileFile(file, bytecode);
    if (bytecode === undefined || script.cachedDataRejected === true) isComplete = false;
    loaded.push({ name, modifiedMs, script });
    modules.set(file, module);
    const folder = dirname(file);
    const load = (id: string): unknown => (id.startsWith('./') ? exportsOf(folder + id.slice(1)) : nodes(id));
    const start = script.runInThisContext() as (...parts: unknown[]) => void;
    start.call(module.exports, module.exports, load, module, file, folder);
  }

  function exportsOf(file: string): unknown {
    // Node has loaded the file that set this up, and what that needs.
    const found = modules.get(file) ?? nodes.cache[file];
    if (found !== undefined) return found.exports;
    const module: Module = { exports: {} };
    run(module, file);
    return module.exports;
  }

  const others = nodes.extensions['.js'];
  nodes.extensions['.js'] = (module: NodeJS.Module, file: string) => {
    if (file.startsWith(`${program}/`)) run(module, file);
    else others(module, file);
  };
  return () => {
    if (!isComplete) writeKept(path, loaded);
  };
}

function compileFile(file: string, bytecode: Uint8Array | undefined): Script {
  // The text is ASCII, one byte a character. It is joined as bytes, because a joined string would be a second copy on V8's
  // heap. The offset keeps the columns of the file in stacks of errors.
  const text = Buffer.concat([before, readFileSync(file), after]).toString('latin1');
  const options = { filename: file, columnOffset: -before.length };
  return new Script(text, bytecode === undefined ? options : { ...options, cachedData: bytecode });
}

/*
 * The file: a line of JSON, filled up with spaces, then the pieces of code. Everything begins at a multiple of 8 bytes,
 * because V8 copies code that does not.
 *
 * V8 runs what it is given: one wrong byte ends the process. So the line has a checksum of all that follows it.
 */

interface Line {
  readonly crc32: number;
  /** In the order of the pieces; length of the piece in bytes. */
  readonly files: readonly (readonly [name: string, modifiedMs: number, length: number])[];
}

/** Nothing where there is no such file, or it is damaged. */
function readKept(path: string): ReadonlyMap<string, Kept> {
  const kept = new Map<string, Kept>();
  try {
    const bytes = readFileSync(path);
    const end = bytes.indexOf(0x0a) + 1;
    let offset = end;
    const line = JSON.parse(bytes.toString('latin1', 0, end)) as Line;
    if (line.crc32 !== crc32(bytes.subarray(end))) return kept;
    for (const [name, modifiedMs, length] of line.files) {
      kept.set(name, { name, modifiedMs, bytecode: bytes.subarray(offset, offset + length) });
      offset += aligned(length);
    }
  } catch {
    return new Map();
  }
  return kept;
}

/** Whole or not at all: other processes may read or write it at the same time. A command works as well without it. */
function writeKept(path: string, loaded: readonly Loaded[]): void {
  try {
    const pieces = loaded.map(({ script }) => script.createCachedData());
    const body = Buffer.concat(pieces.flatMap((piece) => [piece, Buffer.alloc(aligned(piece.length) - piece.length)]));
    const line: Line = {
      crc32: crc32(body),
      files: loaded.map(({ name, modifiedMs }, i) => [name, modifiedMs, pieces[i]!.length]),
    };
    const text = JSON.stringify(line);
    const head = Buffer.from(`${text.padEnd(aligned(text.length + 1) - 1)}\n`, 'latin1');
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    replaceFile(path, Buffer.concat([head, body]));
  } catch {
    // The disk is full, or the folder may not be written to.
  }
}

function replaceFile(path: string, bytes: Uint8Array): void {
  const made = `${path}.${process.pid}`;
  try {
    writeFileSync(made, bytes, { mode: 0o600, flush: true });
    renameSync(made, path);
  } catch (error) {
    rmSync(made, { force: true });
    throw error;
  }
}

function aligned(length: number): number {
  return Math.ceil(length / 8) * 8;
}

/**
 * Where the code of a command is kept: one file for each command of each installed program and version of Node, so that
 * two of them do not replace each other's code again and again.
 *
 * word     the first word of the command line
 * returns  undefined for a word that is no name of a command and no option such as `--help`
 */
export function keptCodePath(folder: string, program: string, word: string): string | undefined {
  if (!/^[\w-]{2,20}$/.test(word)) return undefined;
  return `${folder}/code-${process.version}-${process.arch}/${word}-${digest(program)}`;
}

/** FNV-1a, 32 bits, in hexadecimal: a name, not a protection, and a hash of node:crypto would take a tenth of a command's time. */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
