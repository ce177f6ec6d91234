import { printable } from '../../compiler/values/object-ref.ts';
import { InputError } from '../input/input-error.ts';
import { knowledgePath } from '../serving/knowledge.ts';

/** The most bytes that an answer may have. */
const mostBytes = 64 * 1024 * 1024;

/**
 * The answer of the agent at an address, as text.
 *
 * address   `127.0.0.1:10249`, the address of the agent's metrics
 * path      a question as `agent/serving/knowledge.ts` defines it
 * throws    InputError if nothing answers
 */
export async function fetchAnswer(address: string, path: string): Promise<string> {
  try {
    const answer = await fetch(`http://${address}${knowledgePath}${path}`, { signal: AbortSignal.timeout(10_000) });
    if (answer.status === 413) throw new Error('the Service has more endpoints than the agent sends in one answer');
    if (answer.status !== 200) throw new Error(`status ${answer.status} instead of an answer`);
    if (Number(answer.headers.get('content-length')) > mostBytes) throw new Error('the answer is too large');
    return await answer.text();
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw noAgent(
      address,
      `no agent answers (${printable(cause, 200)}). Give the objects with -f, or the address of the agent's metrics with --address`,
    );
  }
}

/** Another program answers. */
export function noSuchAgent(address: string): InputError {
  return noAgent(address, 'the program there is not an agent of this version. Give the objects with -f');
}

export function noAgent(address: string, message: string): InputError {
  return new InputError([{ severity: 'error', code: 'no-agent', object: { kind: 'agent', name: address }, message }]);
}
