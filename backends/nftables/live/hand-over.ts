import { counted } from '../../../compiler/values/counted.ts';
import type { CleanReport } from '../../backend.ts';
import type { Run } from '../../command.ts';
import { kernelProblem } from '../../errors.ts';
import type { Scope } from '../../target.ts';
import { familyWord } from '../program/print-rule.ts';
import type { NftProgram } from '../program/program.ts';
import { cleanTables, sizeOf } from './clean.ts';
import { findFrontends } from './frontends.ts';
import { observePossible } from './observe.ts';

/** A message names at most this many places; of more, it gives the number. */
const namedPlaces = 3;

/**
 * kube-proxy's table has another name than slicewright's, so it takes nothing over: both tables are in force until
 * slicewright's goes, and of two tables that translate one connection the first decides. So this one goes when the other
 * serves all that it serves, and stays until then.
 */
export async function handOverTable(run: Run, scope: Scope): Promise<CleanReport> {
  const observed = await observePossible(run, scope);
  const nothing = { state: 'nothing', done: [], others: undefined, kept: [], problems: [] } as const;
  if (observed?.program === undefined) return nothing;
  const { family, program, kubeProxy } = observed;
  const table = `table ${familyWord(family)} ${program.table}`;
  const failed = (code: string, message: string): CleanReport => ({
    ...nothing,
    state: 'failed',
    problems: [kernelProblem(family, code, message)],
  });
  if (kubeProxy === undefined) {
    const what = `${table} stays in force: kube-proxy has a table of its own, ${familyWord(family)} kube-proxy, which is not there`;
    return failed('hand-over-needs-kube-proxy', `${what}; start kube-proxy in nftables mode, then run this again`);
  }
  const unserved = servedOnlyBy(program, kubeProxy);
  if (unserved.length > 0) {
    const more = unserved.length > namedPlaces ? ` and ${counted(unserved.length - namedPlaces, 'place')} more` : '';
    const places = `${unserved.slice(0, namedPlaces).join(', ')}${more}`;
    const what = `${table} stays in force: kube-proxy's table does not serve ${places}`;
    const how = 'run this again when kube-proxy has synced; cleanup without --hand-over removes the table all the same';
    return failed('hand-over-not-served', `${what}; ${how}`);
  }
  const report = await cleanTables(run, { ...scope, takeOver: false });
  return {
    ...report,
    others: undefined,
    done: report.done.map((text) => `${text}; ${sizeOf(kubeProxy)} serves its Services`),
  };
}

/** What clients dial in the first and not in the second, for people. */
function servedOnlyBy(program: NftProgram, other: NftProgram): string[] {
  const served = findFrontends(other);
  return [...findFrontends(program)].flatMap(([key, { servicePort, address, port, protocol }]) =>
    served.has(key)
      ? []
      : [`${servicePort} at ${address ?? 'node port'}:${port}/${protocol}`.replace('node port:', 'node port ')],
  );
}
