import type { ApiAnswer } from './api.ts';

/** What ended an attempt to read a kind. */
export type Outcome =
  | { readonly kind: 'closed' }
  /** The server no longer knows our place: list again. */
  | { readonly kind: 'expired'; readonly problem: string }
  | { readonly kind: 'absent'; readonly problem: string }
  | { readonly kind: 'failed'; readonly problem: string; readonly retryAfterMs?: number };

/** What the ERROR event of a watch means. An expired place comes as HTTP 200 with this one event. */
export function watchError(status: unknown): Outcome {
  const { code, message } = statusOf(status);
  const problem = message ?? `the watch ended with an error${code === undefined ? '' : ` ${code}`}`;
  return code === 410 ? { kind: 'expired', problem } : { kind: 'failed', problem };
}

/** What an answer that is no 200 means; undefined for a 200. */
export function refusalOf(answer: ApiAnswer, body: unknown): Outcome | undefined {
  if (answer.status === 200) return undefined;
  const problem = `${answer.status} ${statusOf(body).message ?? 'without a message'}`;
  if (answer.status === 404) return { kind: 'absent', problem };
  if (answer.status === 410) return { kind: 'expired', problem };
  const seconds = Number(answer.headers['retry-after']);
  const retryAfterMs = Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 60) * 1000 : 0;
  return { kind: 'failed', problem, retryAfterMs };
}

export function withQuery(path: string, query: Readonly<Record<string, string>>): string {
  return `${path}?${new URLSearchParams(query).toString()}`;
}

export async function readJson(answer: ApiAnswer): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  try {
    return JSON.parse(text);
  } catch (error) {
    if (answer.status !== 200) return undefined;
    throw new Error('the answer is not JSON', { cause: error });
  }
}

export function asListPage(body: unknown) {
  if (!isRecord(body) || !isRecord(body['metadata'])) return undefined;
  const { resourceVersion, continue: next } = body['metadata'];
  const items = body['items'] ?? [];
  if (typeof resourceVersion !== 'string' || !Array.isArray(items)) return undefined;
  return {
    items: items as readonly unknown[],
    resourceVersion,
    next: typeof next === 'string' && next !== '' ? next : undefined,
  };
}

export function parseEvent(line: string): { readonly type: string; readonly object: unknown } | undefined {
  try {
    const event: unknown = JSON.parse(line);
    if (isRecord(event) && typeof event['type'] === 'string') return { type: event['type'], object: event['object'] };
  } catch {
    // A line that was damaged on the way: the caller lists again.
  }
  return undefined;
}

export function resourceVersionOf(object: unknown): string | undefined {
  const metadata = isRecord(object) ? object['metadata'] : undefined;
  const version = isRecord(metadata) ? metadata['resourceVersion'] : undefined;
  return typeof version === 'string' && version !== '' ? version : undefined;
}

function statusOf(body: unknown): { readonly code?: number; readonly message?: string } {
  if (!isRecord(body)) return {};
  const { code, message } = body;
  return {
    ...(typeof code === 'number' ? { code } : {}),
    ...(typeof message === 'string' ? { message } : {}),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function problemOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
