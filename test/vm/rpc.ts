import type { Readable, Writable } from 'node:stream';

/** Questions and answers over a pair of streams, a JSON document a line; answers come in any order. */
interface Envelope {
  readonly id: number;
  readonly request: unknown;
}

type Reply =
  | { readonly id: number; readonly kind: 'done'; readonly value: unknown }
  | { readonly id: number; readonly kind: 'error'; readonly message: string };

/** Sends one request; rejects with the other side's message, or when the channel ends first. */
export type Ask<Request> = (request: Request) => Promise<unknown>;

export function askOver<Request>(input: Readable, output: Writable): Ask<Request> {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let lastId = 0;
  let ended = false;
  onLine(input, (line) => {
    const reply = JSON.parse(line) as Reply;
    const wait = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.kind === 'done') wait?.resolve(reply.value);
    else wait?.reject(new Error(reply.message));
  });
  const end = (): void => {
    ended = true;
    for (const wait of waiting.values()) wait.reject(new Error('the other side is gone'));
    waiting.clear();
  };
  input.on('error', end).on('close', end);
  output.on('error', end);
  return (request) => {
    if (ended) return Promise.reject(new Error('the other side is gone'));
    const id = ++lastId;
    const wait = Promise.withResolvers<unknown>();
    waiting.set(id, wait);
    output.write(`${JSON.stringify({ id, request })}\n`);
    return wait.promise;
  };
}

/** Answers every request with the result of `perform`, or with the message of its error. */
export function answerOver<Request>(
  input: Readable,
  output: Writable,
  perform: (request: Request) => Promise<unknown>,
): void {
  // The caller may be gone before the answer: then the answer is dropped.
  output.on('error', () => {});
  onLine(input, (line) => void answer(line));
  async function answer(line: string): Promise<void> {
    const { id, request } = JSON.parse(line) as Envelope;
    let reply: Reply;
    try {
      reply = { id, kind: 'done', value: (await perform(request as Request)) ?? null };
    } catch (error) {
      reply = { id, kind: 'error', message: error instanceof Error ? error.message : String(error) };
    }
    if (output.writable) output.write(`${JSON.stringify(reply)}\n`);
  }
}

/** Calls `take` for each complete line, in order; text after the last newline is not a line. */
function onLine(stream: Readable, take: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  });
}
