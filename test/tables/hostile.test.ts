import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../backends/assemble.ts';
import { iptables, isOurChain } from '../../backends/iptables/index.ts';
import { rulesetText } from '../../backends/netfilter/text/document.ts';
import { parseSave } from '../../backends/netfilter/text/parse.ts';
import type { Ruleset } from '../../backends/netfilter/rule.ts';
import { compile } from '../../compiler/index.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import { formatDiagnostic } from '../../compiler/values/diagnostic.ts';
import { readCase } from '../conformance/cases.ts';
import { bootNetwork } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { arbitraryHostile, changeAt, fieldsOf, hostileTexts, marker, type Path, placesOf } from './hostile.ts';
import { emptyHost, loadEach, modes } from './scratch.ts';

const { lacks } = await probeSupport();

/** Services of every kind, slices of several clusters, both families; each with its node. */
const inputs = ['059-mix', '040-dual-stack', '020-lb-ipmode-proxy', '027-affinity-nodeport-lb'].map((name) =>
  readCase(name, 'none'),
);
type Input = (typeof inputs)[number];

/** Distinct programs that hostile objects made. Most of them are the same: what is hostile is left out. */
const programs = new Map<string, Family>();

/** Compiles, and holds what was printed against what was meant: each flaw in a few words. */
function flawsOf({ settings, nodeName }: Input, objects: readonly unknown[]): string[] {
  const clusters = [{ cluster: undefined, objects }];
  const { services, node, diagnostics } = compile({ clusters, settings, nodeName, localAddresses: undefined });
  // What a person reads on a terminal must not steer it either.
  const unprintable = diagnostics.map(formatDiagnostic).filter((text) => /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text));
  return [
    ...unprintable.map((text) => JSON.stringify(text)),
    ...families.flatMap((family) => programFlaws(assemble(iptables, services[family], node[family]).program)),
  ];
}

function programFlaws(program: Ruleset): string[] {
  const text = iptables.print(program);
  if (programs.has(text)) return [];
  programs.set(text, program.family);
  const { ruleset, foreign, complete } = parseSave(text, program.family, (_, chain) => isOurChain(chain));
  const others = [...foreign.chains, ...[...foreign.inFront, ...foreign.references].map(({ line }) => line)];
  return [
    ...(complete && !text.includes(marker) ? [] : [text]),
    ...others,
    ...(isDeepStrictEqual(contentsOf(ruleset), contentsOf(program)) ? [] : ['reads back as another program']),
  ];
}

/** Chains with their lines and rules, and hooks, whatever order they came in. */
function contentsOf({ chains, hooks }: Ruleset): object {
  return {
    chains: new Map([...chains].map(([key, { lines, rules }]) => [key, { lines, rules }])),
    hooks: new Set(hooks.map(({ table, line }) => `${table} ${line}`)),
  };
}

function withChange({ objects }: Input, path: Path, change: (before: unknown) => unknown): readonly unknown[] {
  return changeAt(objects, path, change) as readonly unknown[];
}

describe('hostile text in an object', () => {
  for (const input of inputs) {
    it(`in any one field of ${input.name}, alone or after what was there, reaches no rule`, {
      timeout: 600_000,
    }, () => {
      const flaws = fieldsOf(input.objects).flatMap((path) =>
        hostileTexts.flatMap((text) => [
          ...flawsOf(
            input,
            withChange(input, path, () => text),
          ),
          ...flawsOf(
            input,
            withChange(input, path, (before) => `${String(before)}${text}`),
          ),
        ]),
      );
      expect(flaws).toEqual([]);
    });
  }

  it('in several fields at once reaches no rule', () => {
    const [input] = inputs;
    if (input === undefined) throw new Error('there are inputs');
    const places = placesOf(input.objects);
    const changes = fc.array(fc.tuple(fc.constantFrom(...places), arbitraryHostile), { minLength: 2, maxLength: 12 });
    fc.assert(
      fc.property(changes, (chosen) => {
        let objects: unknown = input.objects;
        for (const [path, text] of chosen) objects = changeAt(objects, path, () => text);
        expect(flawsOf(input, objects as readonly unknown[])).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it('in keys of labels and annotations reaches no rule', () => {
    const map = Object.fromEntries(hostileTexts.map((text) => [text, text]));
    const flaws = inputs.flatMap((input) =>
      input.objects.flatMap((_, i) =>
        ['labels', 'annotations'].flatMap((kind) =>
          flawsOf(
            input,
            withChange(input, [i, 'metadata', kind], (before) => ({ ...(before as object), ...map })),
          ),
        ),
      ),
    );
    expect(flaws).toEqual([]);
  });
});

/** What stands in the tables already, and must stand there afterwards. */
const others = [
  '*filter',
  ':OTHERS - [0:0]',
  '-A INPUT -p tcp -m tcp --dport 22 -j OTHERS',
  '-A OTHERS -m comment --comment "keep me" -j ACCEPT',
  'COMMIT',
  '',
].join('\n');

for (const mode of modes) {
  describeIn(
    'network namespace',
    lacks.namespaces ?? lacks[mode],
    `programs of hostile objects in ${mode} mode`,
    () => {
      it('add exactly themselves to the tables', async () => {
        await using network = await bootNetwork(emptyHost);
        expect(programs.size).toBeGreaterThan(50);
        const texts = [...programs].map(([text, family]) => ({ family, text, before: others }));
        const loaded = await loadEach(network.run('scratch'), mode, texts);
        const odd = loaded.flatMap(({ exitCode, saved, complaints }, i) => {
          const { text = '', family = 'IPv4' } = texts[i] ?? {};
          const { ruleset, foreign, complete } = parseSave(saved, family, (_, chain) => isOurChain(chain));
          const tables = saved.split('\n').filter((line) => line.startsWith('*'));
          const isAsMeant =
            exitCode === 0 &&
            complete &&
            rulesetText(ruleset) === text &&
            tables.toSorted().join() === '*filter,*mangle,*nat' &&
            foreign.chains.join() === 'filter OTHERS' &&
            foreign.inFront.map(({ line }) => line).join() === '-A INPUT -p tcp -m tcp --dport 22 -j OTHERS' &&
            foreign.references.length === 0 &&
            saved.includes('-A OTHERS -m comment --comment "keep me" -j ACCEPT\n');
          return isAsMeant ? [] : [{ complaints, saved, text }];
        });
        expect(odd).toEqual([]);
      });
    },
  );
}
