// One voice: phrases that a reader in a hurry has to read twice, and what to write instead. Checks documentation, and
// comments and messages of sources; a name in code cannot contain a phrase of two words.
import type { Breach } from './imports.ts';

/** A phrase, and a wording that is clear at first reading. */
const phrases: readonly (readonly [phrase: RegExp, instead: string])[] = [
  [/(?<!\bconst \S+ )\bof before\b(?![.)])/i, 'write "previous"'],
  [/\bfor want of\b/i, 'write "because there is no …"'],
  [/\bgives? way to\b/i, 'write which one overrides the other'],
  [/\bnone of none\b/i, 'name the values that are valid'],
  [/\bis an end\b/i, 'write "exits" or "stops"'],
  [/\bwhat is half-way\b/i, 'write "partly written"'],
  [/\bthe default holds\b/i, 'write "using the default, VALUE"'],
  [/\b(rule|chain|hook|set|server|line|program)s? of ours\b(?!\.\w)/i, 'write "slicewright\'s"'],
  [
    /\b(service|slice|endpoint|pod|node|address|import|object)(e?s)? of ours\b(?!\.\w)/i,
    'write "local", or whose it is',
  ],
  [/\b(our|the|this) own cluster\b/i, 'write "the local cluster"'],
  [/\bfor ever\b/i, 'write "forever", or until when'],
  [/\bhow (it|they) stands?\b/i, 'write "its state"'],
  [/\bto be started again with\b/i, 'write "so that the supervisor restarts it"'],
  [/\bdoes not do what it says\b/i, 'write "is faulty"'],
  [/\bwhose claim is better\b/i, 'name the owner and why it is the owner'],
];

/** Golden cases and data that other programs wrote keep their wording; this file and its test contain the phrases. */
const exempt = /^(test\/(conformance|multicluster|field|apiserver)\/|tools\/check\/voice|package-lock)/;

/** Lines of documentation, comments and messages that contain such a phrase. */
export function voiceBreaches(file: string, text: string): readonly Breach[] {
  if (exempt.test(file) || !/\.(md|ts|yaml)$/.test(file)) return [];
  return text.split('\n').flatMap((line, index) =>
    phrases.flatMap(([phrase, instead]) => {
      const found = phrase.exec(line);
      return found === null ? [] : [{ file, line: index + 1, message: `"${found[0]}": ${instead}` }];
    }),
  );
}
