import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * For commands that write to a kernel of a test's own: their lock is no business of the machine's, nor of a test that
 * runs in another process.
 */
export const lockDir = mkdtempSync(join(tmpdir(), 'slicewright-lock-'));

process.on('exit', () => rmSync(lockDir, { recursive: true, force: true }));
