import type { PlaneOptions } from '../../backends/backend.ts';
import { backendNames, loadMode, type Mode, tableWriters } from '../../backends/index.ts';
import { type OwnChains, ownChainsOf } from '../../backends/netfilter/own-chains.ts';
import { defaultDelayTimes } from '../../backends/plane/delays.ts';
import type { FamilyPlane } from '../../backends/plane/plane.ts';
import type { Scope } from '../../backends/target.ts';
import { type ChainPrefix, kubePrefix } from '../../compiler/settings.ts';
import type { Family } from '../../compiler/values/address.ts';

/*
 * Choices that a command line makes for the product, made here for a test.
 */

export function ownChainsUnder(prefix: ChainPrefix): OwnChains {
  return ownChainsOf(prefix, tableWriters());
}

/** Chains of every backend, under kube-proxy's names. */
export const ownChains: OwnChains = ownChainsUnder(kubePrefix);

/** The scope of kube-proxy's chains in one family; nothing is taken over unless the test requests it. */
export function scopeFor(family: Family = 'IPv4', more: Partial<Scope> = {}): Scope & { readonly own: OwnChains } {
  const scope: Scope = { family, prefix: kubePrefix, takeOver: false, excludeCidrs: [], ...more };
  return { ...scope, own: ownChainsUnder(scope.prefix) };
}

const modes = new Map(await Promise.all(backendNames().map(async (name) => [name, await loadMode(name)] as const)));

export function modeOf(name: string): Mode {
  const mode = modes.get(name);
  if (mode === undefined) throw new Error(`no backend is called ${name}`);
  return mode;
}

/** A backend's plane, as the agent makes it. */
export function planeOf(
  name: string,
  { run, nowMs = () => 0, delayTimes = defaultDelayTimes, family = 'IPv4', ...scope }: PlaneChoices,
): FamilyPlane {
  return modeOf(name).createPlane({ run, nowMs, delayTimes, scope: scopeFor(family, scope) });
}

export interface PlaneChoices extends Partial<Scope>, Pick<PlaneOptions, 'run'> {
  readonly nowMs?: PlaneOptions['nowMs'];
  readonly delayTimes?: PlaneOptions['delayTimes'];
}
