import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClusterName } from '../../compiler/values/names.ts';
import { readObjects } from './files.ts';
import { maxPositioned } from './limits.ts';
import { placesAgain, placesOf } from './places.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'places-test-'));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const noStdin = () => Promise.reject(new Error('standard input was read'));

async function read(text: string, name = 'shop.yaml'): Promise<unknown[]> {
  writeFileSync(join(root, name), text);
  return readObjects([join(root, name)], noStdin);
}

const cart = { kind: 'Service', namespace: 'shop', name: 'cart' };
const text = `# first
---
kind: Service
metadata: {name: cart, namespace: shop, annotations: {
  slicewright.dev/cluster-weights: west=1}}
spec:
  ports:
  - name: http
    port: 80
  - port: 70000
---
kind: Service
metadata:
  name: alone
spec: {}
---
kind: List
items:
- kind: Node
  metadata: {name: n1}
- kind: ServiceList
  items:
  - metadata:
      name: inner
      namespace: shop
    spec: &spec
      clusterIP: 10.96.0.300
  - metadata: {name: alias, namespace: shop}
    spec: *spec
`;

describe('the place of what a diagnostic speaks of', () => {
  it.each<[string, object, string | undefined, number, number]>([
    ['a field', cart, 'spec.ports[1].port', 1, 10],
    ['a field that is not there: what it would be in', cart, 'spec.ports[0].protocol', 1, 8],
    ['a list that ends before: the list', cart, 'spec.ports[7].port', 1, 7],
    ['an annotation', cart, 'metadata.annotations["slicewright.dev/cluster-weights"]', 1, 5],
    ['an object as a whole', cart, undefined, 1, 3],
    ['an object without a namespace', { kind: 'Service', namespace: 'default', name: 'alone' }, 'spec', 2, 15],
    ['an object that has no namespace', { kind: 'Node', name: 'n1' }, undefined, 3, 19],
    ['an item of a list in a list', { ...cart, name: 'inner' }, 'spec.clusterIP', 3, 27],
    ['what an alias stands for: where it is used', { ...cart, name: 'alias' }, 'spec', 3, 29],
  ])('is that of %s', async (_, object, field, document, line) => {
    const placeOf = placesOf([{ cluster: undefined, objects: await read(text) }]);
    const ref = object as typeof cart;
    const place = placeOf({ object: ref, ...(field === undefined ? {} : { field }) });
    expect(place).toEqual({
      file: join(root, 'shop.yaml'),
      document: document + (text.startsWith('# ') ? 0 : 0),
      line,
    });
  });

  it('is told of JSON too, also of what a YAML reader would not take', async () => {
    const json = JSON.stringify(
      { kind: 'Service', metadata: { name: 'cart', namespace: 'shop' }, spec: { ports: [{ port: 1 }] } },
      null,
      '\t',
    );
    const placeOf = placesOf([{ cluster: undefined, objects: await read(json, 'shop.json') }]);
    expect(placeOf({ object: cart, field: 'spec.ports[0].port' })?.line).toBe(10);
  });

  it('is the file alone in a text that it takes too long to go through', async () => {
    const placeOf = placesOf([{ cluster: undefined, objects: await read(`${text}# ${'x'.repeat(maxPositioned)}\n`) }]);
    expect(placeOf({ object: cart })).toEqual({ file: join(root, 'shop.yaml'), document: 1, line: undefined });
  });

  it('is told apart by cluster, and not told of what came from no file', async () => {
    const west = 'west' as ClusterName;
    const placeOf = placesOf([
      { cluster: undefined, objects: [{ kind: 'Service', metadata: { name: 'cart', namespace: 'shop' } }] },
      { cluster: west, objects: await read(text) },
    ]);
    expect(placeOf({ object: cart })).toBeUndefined();
    expect(placeOf({ object: { ...cart, cluster: west } })?.line).toBe(3);
  });

  it('of a folder is looked up when it is asked for', async () => {
    const placeOf = placesAgain(await read(text));
    expect(placeOf({ object: cart, field: 'spec.ports[1].port' })).toMatchObject({ document: 1, line: 10 });
  });

  it('of a folder reads each file once for many questions, however they are mixed', async () => {
    const one = (name: string) => `kind: Service\nmetadata: {name: ${name}, namespace: shop}\n`;
    const objects = [...(await read(one('a'), 'a.yaml')), ...(await read(one('b'), 'b.yaml'))];
    const placeOf = placesAgain(objects);
    const ask = () => ['a', 'b', 'a', 'b'].map((name) => placeOf({ object: { ...cart, name } })?.line);
    expect(ask()).toEqual([1, 1, 1, 1]);
    rmSync(join(root, 'a.yaml'));
    // Within one burst the text that was read is used again.
    expect(ask()).toEqual([1, 1, 1, 1]);
  });

  it.each([
    ['another object', `kind: Service\nmetadata: {name: other}\n---\n${text}`],
    ['no YAML', 'a: ['],
  ])('of a folder whose file holds %s by now is the file alone', async (_, now) => {
    const placeOf = placesAgain(await read(text));
    writeFileSync(join(root, 'shop.yaml'), now);
    expect(placeOf({ object: cart })).toEqual({ file: join(root, 'shop.yaml'), document: 1, line: undefined });
    rmSync(join(root, 'shop.yaml'));
    expect(placeOf({ object: cart })?.line).toBeUndefined();
  });
});
