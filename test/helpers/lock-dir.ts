import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * For commands that write to a test's own kernel: their lock must not block the machine, nor a test that
 * runs in another process.
 */
export const lockDir = mkdtempSync(join(tmpdir(), 'slicewright-lock-'));

process.on('exit', () => rmSync(lockDir, { recursive: true, force: true }));
