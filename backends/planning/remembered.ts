import type { ChainPrefix } from '../../compiler/settings.ts';
import type { Family } from '../../compiler/values/address.ts';

/** A function of a family and a prefix that costs much and is asked more than once with the same. */
export function rememberedByFamily<Scope extends { readonly prefix: ChainPrefix }, T>(
  make: (family: Family, scope: Scope) => T,
): (family: Family, scope: Scope) => T {
  const known = new Map<string, T>();
  return (family, scope) => {
    const key = `${family} ${scope.prefix}`;
    const made = known.get(key) ?? make(family, scope);
    known.set(key, made);
    return made;
  };
}
