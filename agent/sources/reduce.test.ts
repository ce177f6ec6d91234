import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryLink, arbitraryService, arbitrarySlice } from '../../test/helpers/arbitrary-cluster.ts';
import { compileObjects } from '../../test/helpers/compile.ts';
import { node } from '../../test/helpers/kubernetes.ts';
import { reduceObject } from './reduce.ts';

interface Endpoints {
  readonly endpoints: readonly { readonly conditions: unknown; readonly nodeName: unknown }[];
}

const object = fc.oneof(
  arbitraryService,
  arbitrarySlice,
  arbitraryLink,
  fc.constantFrom<Record<string, unknown>>(
    node('n1', { zone: 'z1', addresses: ['192.168.0.1'] }),
    node('n2', { addresses: ['10.1.0.3'] }),
  ),
);

/** As an API server sends it: with the record of who wrote which field. */
function told(raw: Record<string, unknown>): Record<string, unknown> {
  const metadata = raw['metadata'] as Record<string, unknown>;
  return { ...raw, metadata: { ...metadata, uid: 'u', managedFields: [{ manager: 'someone' }] } };
}

const slice = (conditions: unknown, nodeName: unknown) => {
  const endpoints = [{ addresses: ['10.1.0.1'], conditions, nodeName, targetRef: { name: 'pod' } }];
  const raw = { metadata: { name: 'a', namespace: 'b' }, addressType: 'IPv4', ports: [], endpoints };
  const kept = reduceObject(raw, 'EndpointSlice', 'discovery.k8s.io/v1')?.value as Endpoints | undefined;
  return kept?.endpoints[0];
};

describe('what is kept of an object', () => {
  it('means to the compiler what the whole of it does', () => {
    fc.assert(
      fc.property(fc.array(object, { maxLength: 10 }), (objects) => {
        const kept = objects.map((raw) => {
          const { kind, apiVersion } = raw as { kind: string; apiVersion: string };
          return reduceObject(told(raw), kind, apiVersion)?.value;
        });
        expect(compileObjects(kept)).toEqual(compileObjects(objects));
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    [{ ready: true, serving: true, terminating: false }],
    [{ ready: false, serving: true, terminating: true }],
    [{ ready: true }],
    [{ ready: null, serving: true, terminating: false }],
    [{ ready: true, serving: true, other: false }],
    [null],
    ['ready'],
  ])('are the conditions %j as they are', (conditions) => {
    expect(slice(conditions, 'n1')).toEqual({ addresses: ['10.1.0.1'], conditions, nodeName: 'n1' });
  });

  it('is one value for what endpoints have in common', () => {
    const conditions = () => ({ ready: true, serving: true, terminating: false });
    expect(slice(conditions(), 'n1')?.conditions).toBe(slice(conditions(), 'n1')?.conditions);
    expect(slice({}, 7)?.nodeName).toBe(7);
  });
});
