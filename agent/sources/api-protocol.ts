import type { ApiAnswer } from './api.ts';
import { maxInputBytes } from '../input/limits.ts';

/** Why an attempt to read a kind ended. */
export type Outcome =
  | { readonly kind: 'closed'; readonly problem: string }
  /** The server does not know the watch's resourceVersion any more, or it is not trusted any more: list again. */
  | { readonly kind: 'expired'; readonly problem: string }
  | { readonly kind: 'absent'; readonly problem: string }
  | {
      readonly kind: 'failed';
      readonly problem: string;
      readonly retryAfterMs?: number;
      /** RBAC does not allow it. */
      readonly forbidden?: boolean;
      /** The source has more objects than its limits allow. */
      readonly overLimit?: true;
    };

/** The meaning of a watch's ERROR event. An expired resourceVersion comes as HTTP 200 with this one event. */
export function watchError(body: unknown): Outcome {
  const status = statusOf(body);
  const problem = status.message ?? `the watch ended with an error${status.code === 0 ? '' : ` ${status.code}`}`;
  return outcomeOf(status, problem, status.retryAfterSeconds);
}

/** The meaning of an answer other than 200; undefined for a 200. */
export function refusalOf(answer: ApiAnswer, body: unknown): Outcome | undefined {
  if (answer.status === 200) return undefined;
  const status = { ...statusOf(body), code: answer.status };
  const problem = `${answer.status} ${status.message ?? 'without a message'}`;
  if (answer.status === 404) return { kind: 'absent', problem };
  const header = Number(answer.headers['retry-after']);
  return outcomeOf(status, problem, header > 0 ? header : status.retryAfterSeconds);
}

function outcomeOf(status: Status, problem: string, retryAfterSeconds: number): Outcome {
  // The server has not reached this resourceVersion: it was restored from a backup, and has another history.
  if (status.code === 410 || status.isTooLarge) return { kind: 'expired', problem };
  const retryAfterMs = Math.min(retryAfterSeconds, maxRetryAfterSeconds) * 1000;
  return { kind: 'failed', problem, retryAfterMs, forbidden: status.code === 403 };
}

/** Longer delays that a server asks for are cut to this: a node must not wait for hours, because nobody would notice. */
const maxRetryAfterSeconds = 60;

export function withQuery(path: string, query: Readonly<Record<string, string>>): string {
  return `${path}?${new URLSearchParams(query).toString()}`;
}

/** throws   Error for an answer that is not JSON, or too large for an API server's answer */
export async function readJson(answer: ApiAnswer): Promise<unknown> {
  return (await readSized(answer)).body;
}

/** The same, with the answer's size in bytes. */
export async function readSized(answer: ApiAnswer): Promise<{ readonly body: unknown; readonly bytes: number }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    size += chunk.length;
    if (size > maxInputBytes) throw new Error(`the answer has more than ${maxInputBytes} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  try {
    return { body: JSON.parse(text), bytes: size };
  } catch (error) {
    if (answer.status !== 200) return { body: undefined, bytes: size };
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

const eventTypes: ReadonlySet<unknown> = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']);

/** undefined: the line was damaged on the way, or has unknown content. The caller lists again. */
export function parseEvent(line: string): { readonly type: string; readonly object: unknown } | undefined {
  try {
    const event: unknown = JSON.parse(line);
    if (isRecord(event) && eventTypes.has(event['type'])) {
      return { type: event['type'] as string, object: event['object'] };
    }
  } catch {
    // As said above.
  }
  return undefined;
}

export function resourceVersionOf(object: unknown): string | undefined {
  const metadata = isRecord(object) ? object['metadata'] : undefined;
  const version = isRecord(metadata) ? metadata['resourceVersion'] : undefined;
  return typeof version === 'string' && version !== '' ? version : undefined;
}

const decimal = /^\d{1,20}$/;

/**
 * Whether one resourceVersion is certainly older than another of the same collection.
 * API servers write revisions of etcd, which only grow; the order of any other texts is unknown.
 */
export function isBefore(version: string, other: string): boolean {
  return decimal.test(version) && decimal.test(other) && BigInt(version) < BigInt(other);
}

interface Status {
  /** 0: the server does not say. */
  readonly code: number;
  readonly message: string | undefined;
  /** 0: the server does not say. */
  readonly retryAfterSeconds: number;
  readonly isTooLarge: boolean;
}

function statusOf(body: unknown): Status {
  const { code, message, details } = isRecord(body) ? body : {};
  const { retryAfterSeconds, causes } = isRecord(details) ? details : {};
  return {
    code: typeof code === 'number' ? code : 0,
    message: typeof message === 'string' ? message : undefined,
    retryAfterSeconds: typeof retryAfterSeconds === 'number' && retryAfterSeconds > 0 ? retryAfterSeconds : 0,
    isTooLarge: Array.isArray(causes) && causes.some((cause) => isRecord(cause) && cause['reason'] === tooLarge),
  };
}

const tooLarge = 'ResourceVersionTooLarge';

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
