import { asFields, type TextMap } from '../../compiler/model/fields.ts';

export type Matches = (labels: TextMap) => boolean;

/**
 * A LabelSelector of the API; undefined: it cannot be understood, and selects nothing. An empty
 * selector selects everything.
 */
export function parseLabelSelector(value: unknown): Matches | undefined {
  const fields = asFields(value);
  if (fields === undefined) return undefined;
  const wanted = Object.entries(asFields(fields.matchLabels) ?? {});
  const expressions = Array.isArray(fields.matchExpressions) ? fields.matchExpressions.map(parseExpression) : [];
  if (wanted.some(([, text]) => typeof text !== 'string') || expressions.includes(undefined)) return undefined;
  return (labels) =>
    wanted.every(([key, text]) => labels.get(key) === text) && expressions.every((matches) => matches?.(labels));
}

function parseExpression(value: unknown): Matches | undefined {
  const { key, operator, values } = asFields(value) ?? {};
  if (typeof key !== 'string') return undefined;
  const listed: readonly unknown[] = Array.isArray(values) ? values : [];
  switch (operator) {
    case 'In':
      return (labels) => listed.includes(labels.get(key));
    case 'NotIn':
      return (labels) => !listed.includes(labels.get(key));
    case 'Exists':
      return (labels) => labels.has(key);
    case 'DoesNotExist':
      return (labels) => !labels.has(key);
    default:
      return undefined;
  }
}
