import { planDeparture, planTransaction } from '../plan/plan.ts';
import type { Transaction } from '../plan/command.ts';
import type { NftProgram } from '../program/program.ts';
import { NftError } from './errors.ts';
import type { Observation } from './observe.ts';

/** Why nothing is changed: a kube-proxy's table is there and is to stay; undefined: there is none. */
export function refusalForOthers({
  family,
  kubeProxy,
}: Pick<Observation, 'family' | 'kubeProxy'>): NftError | undefined {
  if (kubeProxy === undefined) return undefined;
  const message = `table ${kubeProxy.table} is a kube-proxy's, which serves the same Services: stop it and use --take-over`;
  return new NftError(family, { reason: 'another-writer' }, message);
}

/**
 * The steps from what a family's kernel holds to what is wanted: at most two tables change, both in one document.
 *
 * desired    undefined: nothing of slicewright's
 * takeOver   a kube-proxy's table goes in the same document
 * throws     NftError when a kube-proxy's table is there and is to stay
 */
export function planSteps(
  { family, table, program, kubeProxy }: Observation,
  desired: NftProgram | undefined,
  takeOver: boolean,
): readonly Transaction[] {
  const refusal = desired === undefined || takeOver ? undefined : refusalForOthers({ family, kubeProxy });
  if (refusal !== undefined) throw refusal;
  const own = desired === undefined ? program && planDeparture({ family, table }) : planTransaction(program, desired);
  const other = kubeProxy !== undefined && takeOver ? planDeparture(kubeProxy) : undefined;
  return [own, other].filter((one) => one !== undefined);
}
