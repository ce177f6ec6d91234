import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { assemble } from '../../backends/assemble.ts';
import { iptables, isOurChain } from '../../backends/iptables/index.ts';
import { rulesetText } from '../../backends/netfilter/document.ts';
import { parseSave } from '../../backends/netfilter/parse.ts';
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

/** Compiles, and holds what was printed against what was meant. */
function checkProgram({ settings, nodeName }: Input, objects: readonly unknown[]): void {
  const clusters = [{ cluster: undefined, objects }];
  const { services, node, diagnostics } = compile({ clusters, settings, nodeName, localAddresses: undefined });
  for (const diagnostic of diagnostics) {
    // What a person reads on a terminal must not steer it either.
    expect(formatDiagnostic(diagnostic)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  }
  for (const family of families) {
    const { program } = assemble(iptables, services[family], node[family]);
    const text = iptables.print(program);
    expect(text).not.toContain(marker);
    if (programs.has(text)) continue;
    programs.set(text, family);
    const { ruleset, foreign, complete } = parseSave(text, family, (_, chain) => isOurChain(chain));
    expect(complete).toBe(true);
    expect([...foreign.chains, ...foreign.inFront, ...foreign.references]).toEqual([]);
    expect([...ruleset.chains.keys()].sort()).toEqual([...program.chains.keys()].sort());
    for (const [key, chain] of program.chains) {
      expect(ruleset.chains.get(key)?.lines).toEqual(chain.lines);
      expect(ruleset.chains.get(key)?.rules).toEqual(chain.rules);
    }
    expect(new Set(ruleset.hooks.map(({ line }) => line))).toEqual(new Set(program.hooks.map(({ line }) => line)));
  }
}

function withChange({ objects }: Input, path: Path, change: (before: unknown) => unknown): readonly unknown[] {
  return changeAt(objects, path, change) as readonly unknown[];
}

describe('hostile text in an object', () => {
  for (const input of inputs) {
    it(`in any one field of ${input.name}, alone or after what was there, reaches no rule`, () => {
      for (const path of fieldsOf(input.objects)) {
        for (const text of hostileTexts) {
          checkProgram(
            input,
            withChange(input, path, () => text),
          );
          checkProgram(
            input,
            withChange(input, path, (before) => `${before}${text}`),
          );
        }
      }
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
        checkProgram(input, objects as readonly unknown[]);
      }),
      { numRuns: 150 },
    );
  });

  it('in keys of labels and annotations reaches no rule', () => {
    for (const input of inputs) {
      input.objects.forEach((_, i) => {
        for (const kind of ['labels', 'annotations']) {
          const map = Object.fromEntries(hostileTexts.map((text) => [text, text]));
          checkProgram(
            input,
            withChange(input, [i, 'metadata', kind], (before) => ({ ...(before as object), ...map })),
          );
        }
      });
    }
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
      beforeAll(() => {
        expect(programs.size).toBeGreaterThan(50);
      });

      it('add exactly themselves to the tables', async () => {
        await using network = await bootNetwork(emptyHost);
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
