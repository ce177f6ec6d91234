import { describe, expect, it } from 'vitest';
import { type Diagnostic, formatDiagnostic } from '../values/diagnostic.ts';
import { parseLease } from './lease.ts';

const lease = (spec: unknown) => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'member1', namespace: 'slicewright-system' },
  spec,
});

function parse(spec: unknown) {
  const diagnostics: Diagnostic[] = [];
  const parsed = parseLease(lease(spec), undefined, diagnostics);
  return { parsed, said: diagnostics.map(formatDiagnostic) };
}

const good = { leaseDurationSeconds: 40, renewTime: '2026-01-01T00:00:00.000000Z' };

describe('a Lease', () => {
  it('says by a stamp that it is renewed, and for how long that is good', () => {
    const { parsed, said } = parse(good);
    expect(parsed).toMatchObject({ name: 'member1', stamp: '2026-01-01T00:00:00.000000Z', durationMs: 40_000 });
    expect(said).toEqual([]);
    expect(parse({ ...good, renewTime: new Date(0) }).parsed?.stamp).toBe('1970-01-01T00:00:00.000Z');
    expect(parse({ ...good, renewTime: 'whatever changes' }).parsed?.stamp).toBe('whatever changes');
  });

  it.each([
    [{ ...good, renewTime: undefined }, 'spec.renewTime: is missing'],
    [{ ...good, renewTime: null }, 'spec.renewTime: is missing'],
    [{ ...good, renewTime: 5 }, 'spec.renewTime: 5 is not a time'],
    [{ ...good, renewTime: '' }, 'spec.renewTime: "" is not a time'],
    [{ ...good, renewTime: 'x'.repeat(65) }, 'spec.renewTime: "xxx'],
    [{ ...good, leaseDurationSeconds: undefined }, 'spec.leaseDurationSeconds: is missing'],
    [{ ...good, leaseDurationSeconds: 0 }, 'spec.leaseDurationSeconds: 0 is not a whole number from 1 to 3600'],
    [{ ...good, leaseDurationSeconds: -40 }, 'spec.leaseDurationSeconds: -40 is not'],
    [{ ...good, leaseDurationSeconds: '40' }, 'spec.leaseDurationSeconds: "40" is not'],
    [{ ...good, leaseDurationSeconds: 1.5 }, 'spec.leaseDurationSeconds: 1.5 is not'],
    [{ ...good, leaseDurationSeconds: 2 ** 31 }, 'spec.leaseDurationSeconds: 2147483648 is not'],
    ['text', 'spec: "text" is not an object'],
    [undefined, 'spec.renewTime: is missing'],
  ])('that cannot say so is refused: %j', (spec, text) => {
    const { parsed, said } = parse(spec);
    expect(parsed).toBeUndefined();
    expect(said[0]).toContain(`warning: Lease slicewright-system/member1 ${text}`);
    expect(said.join()).toContain('the Lease is ignored');
  });
});
