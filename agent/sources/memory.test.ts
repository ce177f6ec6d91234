import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { createToldCompiler } from '../../test/helpers/told.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import { reduceObject } from './reduce.ts';

const slices = 10_000;
const endpoints = 10;

/** A slice as an API server sends it: half of it records who wrote which field. */
function sliceText(i: number): string {
  const address = (k: number) => `10.${1 + (i >> 12)}.${(i >> 4) & 255}.${((i & 15) << 4) + k}`;
  const fields = { 'f:addressType': {}, 'f:endpoints': {}, 'f:ports': {} };
  const metadataFields = {
    'f:annotations': { '.': {}, 'f:endpoints.kubernetes.io/last-change-trigger-time': {} },
    'f:generateName': {},
    'f:labels': {
      '.': {},
      'f:app.kubernetes.io/name': {},
      'f:endpointslice.kubernetes.io/managed-by': {},
      'f:kubernetes.io/service-name': {},
    },
    'f:ownerReferences': { '.': {}, [`k:{"uid":"6f2b1a70-0000-4000-8000-${String(i).padStart(12, '0')}"}`]: {} },
  };
  return JSON.stringify({
    metadata: {
      name: `service-${i}-x7k2q`,
      generateName: `service-${i}-`,
      namespace: `team-${i % 100}`,
      uid: `0d9f4c66-1111-4000-8000-${String(i).padStart(12, '0')}`,
      resourceVersion: String(1_000_000 + i),
      generation: 7,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: {
        'app.kubernetes.io/name': `service-${i}`,
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        'kubernetes.io/service-name': `service-${i}`,
      },
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:00Z' },
      ownerReferences: [
        {
          apiVersion: 'v1',
          kind: 'Service',
          name: `service-${i}`,
          uid: `6f2b1a70-0000-4000-8000-${String(i).padStart(12, '0')}`,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
      managedFields: [
        {
          manager: 'kube-controller-manager',
          operation: 'Update',
          apiVersion: 'discovery.k8s.io/v1',
          time: '2026-01-01T00:00:00Z',
          fieldsType: 'FieldsV1',
          fieldsV1: { ...fields, 'f:metadata': metadataFields },
        },
      ],
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: Array.from({ length: endpoints }, (_, k) => ({
      addresses: [address(k)],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: `node-${k}.example.internal`,
      zone: 'zone-a',
      targetRef: {
        kind: 'Pod',
        namespace: `team-${i % 100}`,
        name: `service-${i}-6f7d8c9b5-${String(k).padStart(5, '0')}`,
        uid: `aa11bb22-${String(k).padStart(4, '0')}-4000-8000-${String(i).padStart(12, '0')}`,
      },
    })),
  });
}

/** Bytes of heap that the result of `make` keeps in use. */
function bytesOf(make: () => unknown[]): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const before = process.memoryUsage().heapUsed;
  const made = make();
  collect();
  const bytes = process.memoryUsage().heapUsed - before;
  expect(made).toHaveLength(slices);
  return bytes;
}

it(`what is kept of ${slices} slices of ${endpoints} endpoints is a fraction of what comes`, () => {
  const texts = (use: (raw: unknown) => unknown) => () =>
    Array.from({ length: slices }, (_, i) => use(JSON.parse(sliceText(i))));
  const whole = bytesOf(texts((raw) => raw));
  const kept = bytesOf(texts((raw) => reduceObject(raw, 'EndpointSlice', 'discovery.k8s.io/v1')));
  const compiled = bytesOf(() => {
    const compiler = createToldCompiler({ settings: defaultSettings, nodeName: 'n1', localAddresses: undefined });
    const objects = texts((raw) => reduceObject(raw, 'EndpointSlice', 'discovery.k8s.io/v1')?.value)();
    compiler.apply(objects.map((object) => ({ cluster: undefined, object, gone: false })));
    return Array.from(objects, () => compiler);
  });
  const each = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB, ${(bytes / slices / 1000).toFixed(1)} kB each`;
  console.log(
    `${slices} slices of ${endpoints} endpoints: as they come ${each(whole)}; as they are taken in ${each(kept)}; ` +
      `in the compiler ${each(compiled)}`,
  );
  expect(kept).toBeLessThan(whole * 0.6);
  expect(compiled).toBeLessThan(whole * 0.8);
});
