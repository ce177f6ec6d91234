import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Source } from './image.ts';

/**
 * The source of this build. Its time is the commit's, or SOURCE_DATE_EPOCH, so that every build of one commit gives the
 * same.
 *
 * throws  outside a git checkout without SOURCE_DATE_EPOCH
 */
export function sourceHere(environment: NodeJS.ProcessEnv = process.env): Source {
  const { name, version, license, description } = JSON.parse(readFileSync('package.json', 'utf8')) as Record<
    string,
    string
  >;
  if (name === undefined || version === undefined || license === undefined || description === undefined) {
    throw new Error('package.json lacks name, version, license or description');
  }
  const given = environment['SOURCE_DATE_EPOCH'];
  const made = Number(given ?? git('log', '-1', '--format=%ct'));
  if (!Number.isSafeInteger(made) || made < 0) throw new Error(`SOURCE_DATE_EPOCH=${given} is not a number of seconds`);
  return { name, version, license, description, made, revision: revisionHere() };
}

/** The commit, with `-modified` where files differ from it; `unknown` outside a git checkout. */
function revisionHere(): string {
  try {
    return git('describe', '--always', '--abbrev=40', '--exclude=*', '--dirty=-modified');
  } catch {
    return 'unknown';
  }
}

function git(...words: readonly string[]): string {
  return execFileSync('git', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}
