/** Whether labels match a selector. */
export type Matches = (labels: ReadonlyMap<string, string>) => boolean;

const key = '(?:[a-z0-9A-Z.-]{1,253}/)?[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?';
const value = '(?:[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?)?';
const equality = new RegExp(`^(${key})\\s*(==|=|!=)\\s*(${value})$`);
const membership = new RegExp(`^(${key})\\s+(in|notin)\\s*\\(([^()]*)\\)$`);
const existence = new RegExp(`^(!?)\\s*(${key})$`);
const wholeValue = new RegExp(`^${value}$`);

/**
 * A label selector as kubectl's `-l` takes it: `app=cart,tier!=test,zone in (a, b),!old`.
 *
 * returns  undefined: the text is not a selector
 */
export function parseSelector(text: string): Matches | undefined {
  const parts = splitOutsideBrackets(text).map((part) => parseRequirement(part.trim()));
  return parts.includes(undefined) ? undefined : (labels) => parts.every((matches) => matches?.(labels));
}

function splitOutsideBrackets(text: string): string[] {
  return text.split(/,(?![^(]*\))/);
}

function parseRequirement(text: string): Matches | undefined {
  return parseEquality(text) ?? parseMembership(text) ?? parseExistence(text);
}

function parseEquality(text: string): Matches | undefined {
  const match = equality.exec(text);
  if (match === null) return undefined;
  const [, name = '', operator, wanted] = match;
  return operator === '!=' ? (labels) => labels.get(name) !== wanted : (labels) => labels.get(name) === wanted;
}

/** As in the API: `notin` and `!=` are true of an object without the label. */
function parseMembership(text: string): Matches | undefined {
  const match = membership.exec(text);
  if (match === null) return undefined;
  const [, name = '', operator, list = ''] = match;
  const values = list.split(',').map((one) => one.trim());
  if (values.some((one) => !wholeValue.test(one))) return undefined;
  const isIn: Matches = (labels) => values.includes(labels.get(name) ?? '') && labels.has(name);
  return operator === 'in' ? isIn : (labels) => !isIn(labels);
}

function parseExistence(text: string): Matches | undefined {
  const match = existence.exec(text);
  if (match === null) return undefined;
  const [, not, name = ''] = match;
  return not === '!' ? (labels) => !labels.has(name) : (labels) => labels.has(name);
}
