import { createHash, hash, type Hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { asFields, type Fields } from '../../compiler/model/fields.ts';

/*
 * Whether a saved plan is unchanged. The digest protects against accidents and careless edits, and `--plan-digest` pins it. It does
 * not prove who wrote the file, because anybody who changes a plan can also recompute its digest.
 */

/** SHA-256 digests in hexadecimal, of canonical JSON. Each part has its own, so that a difference can be located. */
export interface PlanDigest {
  /** The digest of all the others: the one that a reviewer pins. */
  readonly plan: string;
  /** Digests of the envelope's fields: `backend`, `chainPrefix`. */
  readonly fields: Readonly<Record<string, string>>;
  readonly families: readonly FamilyDigest[];
}

interface FamilyDigest {
  readonly steps: readonly string[];
  /** Digests of the other fields: `family`, `fingerprint`, `result`. */
  readonly fields: Readonly<Record<string, string>>;
}

/** plan   without its digest; as values or as read from the file, which gives the same */
export function digestOf({ families, ...envelope }: { readonly families: readonly unknown[] }): PlanDigest {
  const parts = { fields: fieldDigests(envelope), families: families.map(familyDigest) };
  return { plan: canonicalDigest(parts), ...parts };
}

function familyDigest(family: unknown): FamilyDigest {
  const { steps, ...fields } = asFields(family) ?? {};
  const isList = Array.isArray(steps);
  return {
    steps: isList ? steps.map(canonicalDigest) : [],
    fields: fieldDigests(isList || steps === undefined ? fields : { ...fields, steps }),
  };
}

function fieldDigests(fields: Fields): Record<string, string> {
  const known = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known.map(([name, value]) => [name, canonicalDigest(value)]));
}

/** The parts of a plan that do not match its digest, a sentence for each; empty: all match. */
export function differences(found: PlanDigest, stated: PlanDigest): string[] {
  const counts = [found.families.length, stated.families.length] as const;
  const sentences = [
    ...changedFields('', found.fields, stated.fields),
    ...(counts[0] === counts[1] ? [] : [`${counts[0]} families are there, ${counts[1]} were saved`]),
    ...found.families.flatMap((family, i) => {
      const saved = stated.families[i];
      return saved === undefined ? [] : familyDifferences(`families.${i}.`, family, saved);
    }),
  ];
  if (sentences.length > 0 || found.plan === stated.plan) return sentences;
  return ['digest.plan is not the digest of the other ones'];
}

function familyDifferences(at: string, found: FamilyDigest, stated: FamilyDigest): string[] {
  const fields = changedFields(at, found.fields, stated.fields);
  const [now, then] = [found.steps, stated.steps];
  if (isDeepStrictEqual(now, then)) return fields;
  if (isDeepStrictEqual(now.toSorted(), then.toSorted())) {
    return [...fields, `${at}steps stand in another order than they were saved in`];
  }
  if (now.length !== then.length) return [...fields, `${at}steps: ${now.length} are there, ${then.length} were saved`];
  const changed = now.flatMap((step, i) => (step === then[i] ? [] : [`${at}steps.${i} was changed`]));
  return [...fields, ...changed];
}

function changedFields(at: string, found: FamilyDigest['fields'], stated: FamilyDigest['fields']): string[] {
  const names = [...new Set([...Object.keys(found), ...Object.keys(stated)])].sort();
  return names.flatMap((name) => {
    if (found[name] === stated[name]) return [];
    const what = found[name] === undefined ? 'is missing' : stated[name] === undefined ? 'was added' : 'was changed';
    return [`${at}${name} ${what}`];
  });
}

/** Hashes text in pieces: a step of a large program is long, and a second copy of it would cost as much memory. */
const pieceLength = 65_536;

function canonicalDigest(value: unknown): string {
  const writer = createWriter();
  writeCanonical(value, writer.write);
  return writer.digest();
}

function createWriter() {
  let piece = '';
  let long: Hash | undefined;
  return {
    write(text: string): void {
      piece += text;
      if (piece.length < pieceLength) return;
      long = (long ?? createHash('sha256')).update(piece);
      piece = '';
    },
    digest: (): string => (long === undefined ? hash('sha256', piece) : long.update(piece).digest('hex')),
  };
}

/** JSON with members in the order of their names; it leaves out the members that `JSON.stringify` leaves out. */
function writeCanonical(value: unknown, write: (text: string) => void): void {
  if (Array.isArray(value)) {
    write('[');
    value.forEach((one, i) => {
      if (i > 0) write(',');
      writeCanonical(one, write);
    });
    return write(']');
  }
  const fields = asFields(value);
  if (fields === undefined) return write(JSON.stringify(value) ?? 'null');
  write('{');
  let isFirst = true;
  for (const name of Object.keys(fields).sort()) {
    if (fields[name] === undefined) continue;
    write(`${isFirst ? '' : ','}${JSON.stringify(name)}:`);
    isFirst = false;
    writeCanonical(fields[name], write);
  }
  write('}');
}
