import { compareText } from '../../compiler/values/names.ts';
import type { Asked } from '../input/asked.ts';
import { labelsKind, labelsQuestion } from '../serving/knowledge.ts';
import { documentVersion } from '../terminal/document.ts';
import { fetchAnswer, noSuchAgent } from './fetch-answer.ts';

/**
 * Keys of the Services in a namespace that an agent serves and whose labels match, in order: `shop/cart`,
 * `shop/cart@clusterset`.
 *
 * throws   InputError if no agent answers
 */
export async function askServicesWith(
  address: string,
  { namespace, matches }: Pick<Asked, 'namespace' | 'matches'>,
): Promise<readonly string[]> {
  const labels = parseLabels(await fetchAnswer(address, labelsQuestion));
  if (labels === undefined) throw noSuchAgent(address);
  return [...labels]
    .filter(([key, own]) => (namespace === undefined || key.startsWith(`${namespace}/`)) && (matches?.(own) ?? true))
    .map(([key]) => key)
    .sort(compareText);
}

/** The listener may be another program. undefined: an agent of this version does not answer like this */
function parseLabels(text: string): ReadonlyMap<string, ReadonlyMap<string, string>> | undefined {
  try {
    const told = JSON.parse(text);
    if (told.apiVersion !== documentVersion || told.kind !== labelsKind) return undefined;
    return new Map(Object.entries(told.labels).map(([key, labels]) => [key, textsIn(labels)]));
  } catch {
    return undefined;
  }
}

function textsIn(labels: unknown): ReadonlyMap<string, string> {
  const entries = Object.entries(labels as object);
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
