import { describe, expect, it } from 'vitest';
import { node, service, slice } from '../../test/helpers/kubernetes.ts';
import { type Diagnostic, formatDiagnostic } from '../values/diagnostic.ts';
import type { ModelObject } from './kinds.ts';
import { parseCluster } from './objects.ts';

function parse(...objects: unknown[]) {
  const diagnostics: Diagnostic[] = [];
  const parsed = parseCluster(undefined, objects, diagnostics);
  const model = { services: of('Service', parsed), slices: of('EndpointSlice', parsed), nodes: of('Node', parsed) };
  return { model, texts: diagnostics.map(formatDiagnostic) };
}

function of<K extends ModelObject['kind']>(kind: K, objects: readonly ModelObject[]) {
  type Value = Extract<ModelObject, { kind: K }>['value'];
  return objects.filter((object) => object.kind === kind).map(({ value }) => value as Value);
}

function untyped(object: Record<string, unknown>) {
  const { apiVersion: _apiVersion, kind: _kind, ...rest } = object;
  return rest;
}

describe('lists', () => {
  it('of kubectl and of the API server are the same as their items', () => {
    const { model, texts } = parse(
      {
        apiVersion: 'v1',
        kind: 'List',
        items: [service('a'), { apiVersion: 'v1', kind: 'List', items: [node('n1')] }],
      },
      { apiVersion: 'v1', kind: 'ServiceList', items: [untyped(service('b'))] },
      { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSliceList', items: [untyped(slice('a', 'a-x', []))] },
      { apiVersion: 'v1', kind: 'NodeList', items: null },
    );
    expect(texts).toEqual([]);
    expect(model.services.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(model.slices.map(({ name }) => name)).toEqual(['a-x']);
    expect(model.nodes.map(({ name }) => name)).toEqual(['n1']);
  });

  it('that are their own items end', () => {
    const list: { apiVersion: string; kind: string; items: unknown[] } = {
      apiVersion: 'v1',
      kind: 'List',
      items: [service('a')],
    };
    list.items.push(list);
    const { model, texts } = parse(list);
    expect(model.services).toHaveLength(1);
    expect(texts).toContain('error: List (no name): lists are nested more than 8 deep; the inner ones are left out');
  });
});

describe('what is not an object for the compiler', () => {
  it('is noted once per kind', () => {
    const deployment = (name: string) => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace: 'shop' },
    });
    const { texts } = parse(deployment('b'), deployment('a'), {
      ...service('a'),
      apiVersion: 'serving.knative.dev/v1',
    });
    expect(texts).toEqual([
      'info: Deployment shop/a: kind "apps/v1 Deployment" does not affect Service rules; it is ignored (and 1 more)',
      'info: Service default/a: kind "serving.knative.dev/v1 Service" does not affect Service rules; it is ignored',
    ]);
  });

  it('is an error when it is no object at all, and nothing when it is empty', () => {
    const { texts } = parse(null, undefined, 'text', [1], { metadata: { name: 'x' } });
    expect(texts).toEqual([
      'error: document (no name): "text" stands where an object should; it is left out',
      'error: document (no name): a list stands where an object should; it is left out',
      'error: object x: has no apiVersion or no kind; it is left out',
    ]);
  });
});

describe('the same object twice', () => {
  const versioned = (resourceVersion: string | undefined, clusterIP: string) => {
    const object = service('a', { clusterIP });
    return { ...object, metadata: { ...object.metadata, ...(resourceVersion && { resourceVersion }) } };
  };

  it('counts once', () => {
    const { model, texts } = parse(service('a'), service('a'), service('a', {}, { namespace: 'other' }));
    expect(model.services.map(({ key }) => key)).toEqual(['default/a', 'other/a']);
    expect(texts).toEqual(['info: Service default/a: is there more than once with equal contents; it is used once']);
  });

  it('with different contents counts in its latest version, in any order', () => {
    const copies = [
      versioned('9', '10.0.0.9'),
      versioned('10', '10.0.0.10'),
      versioned(undefined, '10.0.0.1'),
      versioned('9', '10.0.0.9'),
    ];
    for (const order of [copies, [...copies].reverse()]) {
      const { model, texts } = parse(...order);
      expect(model.services.map(({ clusterIPs }) => clusterIPs.IPv4)).toEqual(['10.0.0.10']);
      expect(texts).toEqual([
        'warning: Service default/a: is there more than once with different contents; the highest resourceVersion is used',
      ]);
    }
  });

  it('is told by its whole name, however long', () => {
    const namespace = 'n'.repeat(63);
    const long = (end: string) => slice('a', 'e'.repeat(252) + end, [], { namespace });
    const { model, texts } = parse(long('a'), long('b'));
    expect(model.slices).toHaveLength(2);
    expect(texts).toEqual([]);
  });

  it('without versions is one of them, always the same', () => {
    const copies = [service('a', { clusterIP: '10.0.0.2' }), service('a', { clusterIP: '10.0.0.1' })];
    const chosen = (order: unknown[]) => parse(...order).model.services[0]?.clusterIPs.IPv4;
    expect(chosen(copies)).toBe(chosen([...copies].reverse()));
  });
});

it('timestamps may be text or what a YAML reader made of them', () => {
  const at = (creationTimestamp: unknown) => ({ ...service('a'), metadata: { name: 'a', creationTimestamp } });
  const created = (value: unknown) => parse(at(value)).model.services[0]?.createdMs;
  expect(created('2026-11-21T16:31:36Z')).toBe(Date.UTC(2026, 10, 21, 16, 31, 36));
  expect(created(new Date(Date.UTC(2026, 10, 21)))).toBe(Date.UTC(2026, 10, 21));
  for (const bad of ['yesterday', '2026-11-21', 7, null, new Date('x')]) expect(created(bad)).toBeUndefined();
});
