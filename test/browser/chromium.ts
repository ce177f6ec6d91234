import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { probeSupport } from '../netns/probe.ts';

const launcher = fileURLToPath(new URL('launch.sh', import.meta.url));

/** The path of Debian's Chromium; undefined: it is not installed. */
const found = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'chromium'))
  .find((file) => existsSync(file));

/** For a browser on a busy machine: only against waiting forever. */
export const patienceMs = 240_000;

/** Why pages cannot be tested here; undefined: they can. */
export async function browserMissing(): Promise<string | undefined> {
  if (found === undefined) return 'chromium is missing: install the Debian package chromium';
  return (await probeSupport()).lacks.namespaces;
}

/**
 * A headless Chromium that cannot reach the machine's network: it runs in a separate network namespace that has only
 * loopback. Pages come from files.
 */
export async function openBrowser(): Promise<Browser> {
  const { isolation } = await probeSupport();
  return chromium.launch({
    timeout: patienceMs,
    executablePath: launcher,
    env: {
      ...process.env,
      CHROMIUM: found ?? 'chromium',
      UNSHARE: isolation === 'user' ? '--user --map-root-user --net' : '--net',
    },
    // Within a namespace it is root, and its own sandbox refuses root.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
}
