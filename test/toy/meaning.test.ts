import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { targetsOf } from '../../agent/planning/targets.ts';
import { byName, register } from '../../backends/index.ts';
import type { Target } from '../../backends/target.ts';
import { compile } from '../../compiler/index.ts';
import { formatMismatch } from '../../compiler/semantics/verify.ts';
import { families } from '../../compiler/values/address.ts';
import { caseNames as goldenNames, readCase as readGolden } from '../../golden/case.ts';
import { caseNames as conformanceNames, compileCase } from '../conformance/cases.ts';
import { arbitraryNode, arbitraryServices } from '../helpers/arbitrary-ir.ts';
import { compileObjects } from '../helpers/compile.ts';
import { node, service, slice } from '../helpers/kubernetes.ts';
import { toyEntry } from './index.ts';
import { createToyKernel } from './kernel.ts';
import { parseLine, printLine } from './line.ts';
import { parseProgram, printProgram } from './program.ts';

/* The toy is held to the reference as every backend is: without exceptions, since its lines can say all that the IR says. */

const unregister = register(toyEntry(createToyKernel()));
afterAll(unregister);
const { make, witness } = await byName('toy');
const { verify } = await witness();
const mistakes = (target: Target): string => verify(target).map(formatMismatch).join('\n');

describe('every probe of the toy program meets its verdict', () => {
  it.each(goldenNames)('golden: %s', (name) => {
    const targets = targetsOf(compile(readGolden(name).input));
    for (const family of families) expect(mistakes(targets[family])).toBe('');
  });

  it.each(conformanceNames)('conformance: %s', (name) => {
    const targets = targetsOf(compileCase(name, 'none'));
    for (const family of families) expect(mistakes(targets[family])).toBe('');
  });

  it('where an endpoint stands at an address that another Service refuses', () => {
    const { services, node: contexts } = compileObjects([
      node('n1', { addresses: ['192.168.0.1'] }),
      service('open', { externalIPs: ['203.0.113.9'] }),
      slice('open', 'open-x', ['10.96.0.2'], { ports: [{ name: '', port: 80, protocol: 'TCP' }] }),
      service('shut', { clusterIP: '10.96.0.2' }),
    ]);
    expect(services.IPv4.map(({ internal }) => internal.kind)).toEqual(['forward', 'reject']);
    expect(mistakes({ services: services.IPv4, node: contexts.IPv4 })).toBe('');
  });

  it('for any Services', () => {
    fc.assert(
      fc.property(arbitraryServices(), arbitraryNode(), (services, anyNode) => {
        expect(mistakes({ services, node: anyNode })).toBe('');
      }),
      { numRuns: 60 },
    );
  });
});

it.each(goldenNames)('its text is read back as it was written: %s', (name) => {
  const targets = targetsOf(compile(readGolden(name).input));
  for (const family of families) {
    const text = make(targets[family]).text();
    const program = parseProgram(text);
    expect(program && printProgram(program)).toBe(text);
    for (const line of [...(program?.parts.values() ?? [])].flat()) {
      const parsed = parseLine(line);
      expect(parsed && printLine(parsed)).toBe(line);
    }
    expect(parseProgram(text.slice(0, -1))).toBeUndefined();
  }
});
