import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiDouble, startApiDouble } from './double.ts';
import type { Stored } from './stored.ts';

/**
 * Replays what was asked of a real API server, in order, against the double. Compared are status,
 * kind of answer, every field of a Status, names and kinds of listed objects, and the events of
 * watches; of a single object all fields that the request gave. Not compared: uids, times, field
 * managers, the numbers of resource versions (other software used some up).
 */
interface Transcript {
  readonly name: string;
  readonly note?: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Record<string, string>;
    readonly body: Stored | null;
  };
  readonly response: {
    readonly status: number;
    readonly headers: Record<string, string>;
    readonly body?: Stored & { readonly items?: readonly Stored[] };
    readonly events?: readonly { readonly type: string; readonly object: Stored }[];
    readonly text?: string;
  };
}

const folder = new URL('./transcripts/', import.meta.url);
const transcripts = readdirSync(folder)
  .sort()
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Transcript);

let double: ApiDouble;
/** Resource versions of the recording → those of the double at the same moment. */
const versions = new Map<string, string>();

beforeAll(async () => {
  double = await startApiDouble();
  double.tokens.set('<token>', 'system:agent');
  double.apply({
    kind: 'Service',
    metadata: { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver' } },
    spec: { clusterIP: '10.13.0.1', ports: [{ name: 'https', port: 443 }] },
  });
  double.apply({
    kind: 'EndpointSlice',
    metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['192.0.2.2'], conditions: { ready: true } }],
    ports: [{ name: 'https', port: 39443 }],
  });
});
afterAll(() => double.close());

/** What others did between two recorded calls. */
const meanwhile: Readonly<Record<string, () => void>> = {
  'list-page-1': () => {
    for (let i = 0; i < 7; i++) double.apply(page(i));
  },
  'create-serviceexport': () => {
    for (const group of ['multicluster.x-k8s.io', 'networking.karmada.io']) double.installed.add(group);
  },
  'watch-expired-resource-version': () => double.store.compact(),
  'watch-idle-with-bookmark': () => {
    double.apply(page(0));
    double.remove('EndpointSlice', 'default', 'page-0');
    double.apply(page(0));
    double.store.compact();
  },
};

function page(i: number): Stored & { readonly kind: string } {
  return {
    kind: 'EndpointSlice',
    metadata: { name: `page-${i}`, namespace: 'default', labels: { 'kubernetes.io/service-name': 'paged' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [`10.12.1.${i + 1}`], conditions: { ready: true, serving: true, terminating: false } }],
    ports: null,
  };
}

describe('the double answers as a real API server did', () => {
  for (const transcript of transcripts) {
    it(transcript.name, async () => {
      meanwhile[transcript.name]?.();
      const { request, response } = transcript;
      const asked = await fetch(`${double.url}${translatePath(request.path)}`, {
        method: request.method,
        headers:
          transcript.name === 'bad-token' ? { ...request.headers, Authorization: 'Bearer wrong' } : request.headers,
        ...(request.body === null ? {} : { body: JSON.stringify(translateBody(request.body)) }),
      });
      const text = await asked.text();
      expect(asked.status).toBe(response.status);
      expect(asked.headers.get('content-type')).toBe(response.headers['Content-Type']);
      if (response.text !== undefined) return expect(text).toBe(response.text);
      if (response.events !== undefined) return expect(eventTexts(text)).toEqual(response.events.map(eventText));
      const body = JSON.parse(text) as Stored & { items?: Stored[] };
      if (response.body?.kind === 'Status') return expect(statusText(body)).toEqual(statusText(response.body));
      if (response.body?.items !== undefined) {
        versions.set(versionOf(response.body), versionOf(body));
        expect(pageText(body)).toEqual(pageText(response.body as never));
      } else {
        versions.set(versionOf(response.body as Stored), versionOf(body));
        expect(body).toMatchObject(asGiven(request.body));
        expect(Object.keys(body.metadata)).toEqual(
          expect.arrayContaining(['name', 'uid', 'resourceVersion', 'creationTimestamp']),
        );
      }
    });
  }
});

/** Recorded versions stand for moments: a watch from 215 begins where the double was then. */
function translatePath(path: string): string {
  return path
    .replace(/resourceVersion=(\d+)/, (_, version: string) => `resourceVersion=${versions.get(version) ?? version}`)
    .replace('timeoutSeconds=2', 'timeoutSeconds=1')
    .replace(/continue=([\w-]{20,})/, (_, token: string) => {
      const decoded = JSON.parse(Buffer.from(token, 'base64url').toString()) as { rv: number };
      const moved = { ...decoded, rv: Number(versions.get(String(decoded.rv)) ?? decoded.rv) };
      return `continue=${Buffer.from(JSON.stringify(moved)).toString('base64url')}`;
    });
}

function translateBody(body: Stored): Stored {
  const version = body.metadata?.resourceVersion;
  if (version === undefined) return body;
  return { ...body, metadata: { ...body.metadata, resourceVersion: versions.get(version) ?? version } };
}

const versionOf = (object: Stored): string => object.metadata.resourceVersion ?? '';

function eventTexts(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => eventText(JSON.parse(line) as { type: string; object: Stored }));
}

function eventText({ type, object }: { readonly type: string; readonly object: Stored }): string {
  if (type === 'ERROR') return `ERROR ${JSON.stringify([object['code'], object['reason']])}`;
  const endpoints = JSON.stringify(object['endpoints'] ?? null);
  return `${type} ${object.kind} ${object.metadata.name} ${object.kind === 'EndpointSlice' ? endpoints : ''}`;
}

/** All that it says but what names moments and objects that only one of the two servers had. */
function statusText({ message, details, ...rest }: Record<string, unknown>): unknown {
  const { metadata: _metadata, ...said } = rest;
  const kept = { ...(details as Record<string, unknown> | undefined) };
  delete kept['uid'];
  return { ...said, message: (typeof message === 'string' ? message : '').replace(/\d{3,}/g, 'N'), details: kept };
}

function pageText({ kind, apiVersion, metadata, items }: Stored & { readonly items?: readonly Stored[] }): unknown {
  return {
    kind,
    apiVersion,
    more: metadata['remainingItemCount'],
    hasContinue: typeof metadata['continue'] === 'string' && metadata['continue'] !== '',
    names: items?.map((item) => `${item.kind ?? ''} ${item.metadata.name}`),
  };
}

/** What the request gave and the server does not take over as it is. */
function asGiven(body: Stored | null): object {
  if (body === null) return {};
  const { metadata, endpoints, status: _status, ...rest } = body as Stored & { endpoints?: unknown[] };
  const { name, namespace, labels } = metadata ?? {};
  return {
    ...rest,
    ...(endpoints === undefined || endpoints === null ? {} : { endpoints: endpoints.length === 0 ? null : endpoints }),
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(labels === undefined ? {} : { labels }),
    },
  };
}
