import { readFileSync, writeFileSync } from 'node:fs';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';

/**
 * How soon the kernel kills this process when memory is short, -1000 to 1000. A score that is set already
 * is not written. Lowering it needs CAP_SYS_RESOURCE, which the agent does without: a pod of class
 * system-node-critical starts with -997.
 *
 * wanted   undefined: the score stays as the process was started
 * returns  the problem, if the score could not be set
 */
export function setOomScore(wanted: number | undefined, file = '/proc/self/oom_score_adj'): Diagnostic | undefined {
  if (wanted === undefined) return undefined;
  let found = '';
  try {
    found = readFileSync(file, 'utf8').trim();
    if (Number(found) === wanted) return undefined;
    writeFileSync(file, `${wanted}\n`);
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EACCES' || code === 'EPERM' ? 'lowering it needs CAP_SYS_RESOURCE' : message;
    const is = found === '' ? '' : `it stays ${found}; `;
    const text = `${wanted} could not be set: ${is}${why}`;
    const object = { kind: 'file', name: file };
    return { severity: 'warning', code: 'oom-score', object, field: 'oomScoreAdj', message: text };
  }
}
