import { renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * Writes a file that another program may be reading at any moment: that program finds the old text or the new one. A
 * plain write empties the file first, and a busy machine may stop the writer right there.
 */
export function rewrite(path: string, text: string): void {
  // Programs that read folders leave out names that begin with a dot.
  const beside = join(dirname(path), `.${basename(path)}.new`);
  writeFileSync(beside, text);
  renameSync(beside, path);
}
