import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../backends/assemble.ts';
import { iptables } from '../backends/iptables/index.ts';
import { ipvs } from '../backends/ipvs/index.ts';
import type { Maker } from '../backends/maker.ts';
import { drainingName, frontendsName } from '../backends/ipvs/program/ledger.ts';
import { setIds, setName } from '../backends/ipvs/program/sets.ts';
import { byName } from '../backends/index.ts';
import { kubePrefix, parseChainPrefix, type ChainPrefix } from '../compiler/settings.ts';
import { families } from '../compiler/values/address.ts';
import { caseNames, compileCase } from './conformance/cases.ts';
import { arbitraryNode, arbitraryServices } from './helpers/arbitrary-ir.ts';

function prefix(text: string): ChainPrefix {
  const parsed = parseChainPrefix(text);
  if (parsed === undefined) throw new Error(`${text} is not a prefix`);
  return parsed;
}

/**
 * A program for kube-proxy's names as a person with an editor would put it under another prefix.
 * to   of four characters: names of sets that are cut are cut at the same place then
 */
function exchanged(text: string, to: ChainPrefix): string {
  return text
    .replaceAll(/\b(?:KUBE|SLICEWRIGHT)-(?=[A-Z0-9])/g, `${to}-`)
    .replaceAll('kube-ipvs0', `${to.toLowerCase()}-ipvs0`);
}

/** Chains and sets stand in the order of their names, which other names change. */
function sorted(text: string): string[] {
  return text.split('\n').sort();
}

const makers: readonly Maker<never, never>[] = [iptables as never, ipvs as never];

describe.each(makers)('a program of $name under another prefix', (maker) => {
  it.each(caseNames)('is the one for KUBE with the names exchanged: %s', (name) => {
    const { services, node } = compileCase(name, 'none', maker.name);
    for (const family of families) {
      for (const other of [prefix('SLWR'), prefix('Q9X7')]) {
        const ofKube = maker.print(assemble(maker, services[family], node[family]).program);
        const ofOther = maker.print(assemble(maker, services[family], { ...node[family], chainPrefix: other }).program);
        expect(sorted(ofOther)).toEqual(sorted(exchanged(ofKube, other)));
        expect(ofOther).not.toMatch(/KUBE|SLICEWRIGHT/);
      }
    }
  });

  it('treats every packet as its Services say', async () => {
    const { verify } = await (await byName(maker.name)).witness();
    fc.assert(
      fc.property(arbitraryServices(), arbitraryNode(), (services, node) => {
        expect(verify({ services, node: { ...node, chainPrefix: prefix('SLWRX') } })).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

it.each(['SW', 'SLWR', 'SLWRX'])('every set under %s has a name of its own that the kernel takes', (text) => {
  const names = families.flatMap((family) =>
    setIds
      .map((id) => setName(id, family, prefix(text)))
      .concat(frontendsName(family, prefix(text)), drainingName(family, prefix(text))),
  );
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => name.length > 31 || !name.startsWith(`${text}-`))).toEqual([]);
});

describe('a prefix', () => {
  it.each(['KUBE', 'SW', 'A1B2C'])('%s is one', (text) => expect(parseChainPrefix(text)).toBe(text));
  it.each(['K', 'TOOLNG', 'kube', '1AB', 'A-B', 'A B', '', 'SLW\n', undefined, 5])('%j is none', (text) =>
    expect(parseChainPrefix(text)).toBeUndefined(),
  );
  it('of kube-proxy is the one that nothing is exchanged for', () => expect(kubePrefix).toBe('KUBE'));
});
