import { printable } from '../../compiler/values/object-ref.ts';
import { type Told, parseTold } from './told.ts';

/**
 * The requested shares, from the agent of this node.
 *
 * address   `127.0.0.1:10249`
 * returns   text: why they are unknown
 */
export async function askAgent(address: string, ask: typeof fetch = fetch): Promise<Told | string> {
  try {
    const answer = await ask(`http://${address}/slicewright/shares`, { signal: AbortSignal.timeout(5_000) });
    const told = answer.status === 200 ? parseTold(await answer.json()) : undefined;
    return told ?? `the program at ${address} is not an agent of this version`;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    return `no agent answers at ${address} (${printable(cause, 200)})`;
  }
}
