import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The built program. throws   where it has not been built */
export function built(): string {
  const entry = fileURLToPath(new URL('../../dist/slicewright.js', import.meta.url));
  if (!existsSync(entry)) throw new Error('there is no build: make build');
  return entry;
}
