/** The rules that texts name by number: `MR-33`, `L2`, `IPT-5.4`. */
const number = String.raw`(?:(?:MR|CC|OB)-\d+|(?:IPT|IPVS)-\d+(?:\.\d+)*|[LO][1-9])`;
const one = new RegExp(String.raw`(?<![\w.-])${number}(?![\w-])`, 'g');
const range = new RegExp(String.raw`(?<![\w.-])([A-Z]+-?)(\d+) to \1(\d+)(?![\w-])`, 'g');
/** The word that `explain` prints in place of a number: a reason's rule, as the code writes it. */
const named = /\brule: [^,\n]*'([a-z][\w-]*)', text\b/g;

/** The rules that a text names; `MR-40 to MR-44` names those between, too. */
export function rulesNamedIn(text: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const [rule] of text.matchAll(one)) found.add(rule);
  for (const [all, prefix = '', first, last] of text.matchAll(range)) {
    if (all.match(one) === null) continue;
    for (let n = Number(first); n <= Number(last); n++) found.add(`${prefix}${n}`);
  }
  for (const [, rule] of text.matchAll(named)) if (rule !== undefined) found.add(rule);
  return found;
}

/** The rules that docs/rules.md explains, in its order. */
export function rulesExplainedIn(document: string): readonly string[] {
  const rows = new RegExp(String.raw`^\| (${number}|[a-z][\w-]*) \| (?=[A-Z\`])`, 'gm');
  return [...document.matchAll(rows)].map(([, rule = '']) => rule);
}
