import { asFields } from '../../compiler/model/fields.ts';
import type { Held } from './object.ts';

export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
}

export type Finding = Omit<Condition, 'lastTransitionTime'>;

/**
 * The conditions to write. A condition keeps its transition time as long as its status stays the same.
 *
 * object   as it was last seen
 * time     now
 */
export function conditionsFor(object: Held, findings: readonly Finding[], time: string): Condition[] {
  const before = asFields(object.fields.status)?.conditions;
  const known = (Array.isArray(before) ? before : []).map(asFields);
  return findings.map((finding) => {
    const same = known.find((one) => one?.type === finding.type && one.status === finding.status);
    const since = same?.lastTransitionTime;
    return { ...finding, message: finding.message.slice(0, maxMessage), lastTransitionTime: sinceText(since) ?? time };
  });
}

/** The longest message that the API accepts for a condition. */
const maxMessage = 32_768;

function sinceText(value: unknown): string | undefined {
  if (value instanceof Date) return value.toISOString().replace(/\.\d+Z$/, 'Z');
  return typeof value === 'string' ? value : undefined;
}

/** `a; b; c and 4 more`: a longer list would not help its reader. */
export function sentences(texts: readonly string[], shown = 5): string {
  const more = texts.length - shown;
  const text = texts.slice(0, shown).join('; ');
  return more > 0 ? `${text} and ${more} more` : text;
}
