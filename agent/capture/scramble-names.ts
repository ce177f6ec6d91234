import { createHmac } from 'node:crypto';

/** Other names in the place of names: the same for the same name, wherever it stands. */
export interface NameScrambler {
  /** A name, or words with names in them. Of a name that is made of others, as of a slice, each part by itself. */
  name(text: string): string;
  /** The same, where only names that are known are names: everything else in the text means something. */
  known(text: string): string;
}

/** Names that every cluster has, or that mean something. */
const wellKnown: ReadonlySet<string> = new Set([
  'default',
  'kube-system',
  'kube-public',
  'kube-node-lease',
  'kubernetes',
  'local',
]);

/** Parts of names that mark a provider's objects. */
const meaningfulParts: ReadonlySet<string> = new Set(['derived', 'imported']);

/**
 * seed    the same gives the same names
 * names   of objects, namespaces, nodes, clusters, zones, regions and ports
 */
export function createNameScrambler(seed: string, names: ReadonlySet<string>): NameScrambler {
  const words = new Map<string, string>();
  const taken = new Set<string>([...names].flatMap((name) => [name, ...name.split(/[^A-Za-z0-9]+/)]));
  /** Never a name from the input: otherwise a reader could not tell whether the original name is still there. */
  function wordFor(text: string): string {
    const made = words.get(text);
    if (made !== undefined) return made;
    const digest = createHmac('sha256', seed).update(text).digest();
    for (let length = 6; ; length += 2) {
      const word = syllables(digest, length);
      if (taken.has(word)) continue;
      taken.add(word);
      words.set(text, word);
      return word;
    }
  }
  const isName = (text: string) => names.has(text) && !wellKnown.has(text);

  /** Walks over the parts of a text; the longest run of parts that is a known name counts as one name. */
  function walk(text: string, partFor: (part: string) => string): string {
    if (wellKnown.has(text)) return text;
    if (isName(text)) return wordFor(text);
    const parts = [...text.matchAll(/[A-Za-z0-9]+/g)].map(({ index, 0: part }) => ({
      part,
      begin: index,
      end: index + part.length,
    }));
    let result = '';
    let at = 0;
    for (let i = 0; i < parts.length; i++) {
      const { begin = 0, end: ownEnd = 0, part = '' } = parts[i] ?? {};
      const run = parts.slice(i).findLastIndex(({ end }) => {
        const words = text.slice(begin, end);
        return isName(words) || wellKnown.has(words);
      });
      const end = run < 0 ? ownEnd : (parts[i + run]?.end ?? ownEnd);
      const words = text.slice(begin, end);
      result += text.slice(at, begin) + (run < 0 ? partFor(part) : wellKnown.has(words) ? words : wordFor(words));
      at = end;
      i += Math.max(run, 0);
    }
    return result + text.slice(at);
  }
  const anyPart = (part: string) => (/[A-Za-z]/.test(part) && !meaningfulParts.has(part) ? wordFor(part) : part);
  return { name: (text) => walk(text, anyPart), known: (text) => walk(text, (part) => part) };
}

/** A pronounceable word of `length` letters. */
function syllables(digest: Buffer, length: number): string {
  const letters = ['bdfgklmnprstvz', 'aeiou'] as const;
  return Array.from({ length }, (_, i) => {
    const choices = letters[i % 2 === 0 ? 0 : 1];
    return choices[(digest[i % digest.length] ?? 0) % choices.length];
  }).join('');
}
