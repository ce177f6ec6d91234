import type { Family } from '../../../compiler/values/address.ts';
import type { Protocol } from '../../../compiler/values/port.ts';
import { parseElement } from './element.ts';
import { expressionText, statementText } from './json-text.ts';
import { type Name, parseName } from './names.ts';
import { type FamilyOf, familyOfWord, type ReadTable } from './parse.ts';
import { typeOf } from './print.ts';
import { type Chain, chainFromLines, type Element, type Hook, type KeyPart, type NftSet } from './program.ts';

/**
 * Every table of a family ip or ip6 in the output of `nft -j list table` or `nft -j list ruleset`, as `parseListing` reads
 * them from text.
 *
 * returns  undefined when the text is no such output
 */
export function parseJsonListing(
  text: string,
  familyOf: FamilyOf = familyOfWord,
): ReadonlyMap<string, ReadTable> | undefined {
  const objects = objectsOf(text);
  if (objects === undefined) return undefined;
  const drafts = new Map<string, Draft>();
  for (const object of objects) {
    const [kind = '', body] = Object.entries(object)[0] ?? [];
    if (!isRecord(body) || kind === 'metainfo') continue;
    const table = String(kind === 'table' ? body.name : body.table);
    const family = familyOf(String(body.family));
    const name = parseName(table);
    if (family === undefined || name === undefined) continue;
    const key = `${String(body.family)} ${table}`;
    const draft = drafts.get(key) ?? {
      family,
      table: name,
      sets: new Map(),
      heads: new Map(),
      lines: new Map(),
      strange: [],
      unread: new Map(),
    };
    drafts.set(key, draft);
    put(draft, kind, body);
  }
  return new Map([...drafts].map(([key, draft]) => [key, finish(draft)]));
}

type Record_ = Readonly<Record<string, unknown>>;

/** A table whose rules may come before or after its chains and sets: versions differ. */
interface Draft {
  readonly family: Family;
  readonly table: Name;
  comment?: string;
  readonly sets: Map<string, NftSet>;
  readonly heads: Map<string, Pick<Chain, 'name' | 'hook' | 'comment'>>;
  readonly lines: Map<string, string[]>;
  readonly strange: string[];
  readonly unread: Map<string, readonly string[]>;
}

function objectsOf(text: string): Record_[] | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  const objects = isRecord(parsed) ? parsed.nftables : undefined;
  return Array.isArray(objects) ? objects.filter(isRecord) : undefined;
}

function isRecord(value: unknown): value is Record_ {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function put(draft: Draft, kind: string, body: Record_): void {
  const comment = typeof body.comment === 'string' ? { comment: body.comment } : {};
  const name = parseName(body.name);
  if (kind === 'table') {
    Object.assign(draft, comment);
  } else if (kind === 'chain' && name !== undefined) {
    draft.heads.set(name, { name, hook: hookOf(body), ...comment });
  } else if (kind === 'rule') {
    const chain = String(body.chain);
    const lines = draft.lines.get(chain) ?? [];
    draft.lines.set(chain, lines);
    const expressions = Array.isArray(body.expr) ? body.expr : [];
    const words = expressions.map(statementText);
    if (typeof body.comment === 'string') words.push(`comment "${body.comment}"`);
    lines.push(words.join(' '));
  } else if ((kind === 'set' || kind === 'map') && name !== undefined) {
    const before = draft.strange.length;
    const set = setOf(draft, name, body);
    if (set !== undefined) draft.sets.set(name, { ...set, ...comment });
    if (draft.strange.length > before) draft.unread.set(name, draft.strange.slice(before));
  } else {
    draft.strange.push(`${kind} ${String(body.name)}`);
  }
}

function hookOf({ type, hook: at, prio }: Record_): Hook | undefined {
  if ((type !== 'nat' && type !== 'filter') || typeof at !== 'string' || typeof prio !== 'number') return undefined;
  return { type, at: at as Hook['at'], priority: prio };
}

function setOf({ family, strange }: Draft, name: Name, body: Record_): NftSet | undefined {
  const key = partsOf(family, body.type);
  const data =
    body.map === undefined
      ? 'none'
      : body.map === 'verdict'
        ? 'verdict'
        : isEndpoint(family, body.map)
          ? 'endpoint'
          : undefined;
  if (key === undefined || data === undefined) {
    strange.push(`set ${name}`);
    return undefined;
  }
  const flags = [body.flags].flat();
  // nft 1.0.6 does not print that a set is dynamic; a timeout shows it.
  const isDynamic = flags.includes('dynamic') || flags.includes('timeout');
  const elements = new Map<string, Element>();
  for (const one of isDynamic || !Array.isArray(body.elem) ? [] : body.elem) {
    const text = Array.isArray(one) ? one.map(expressionText).join(' : ') : expressionText(one);
    const element = parseElement(family, { key, data }, text);
    if (element === undefined) strange.push(`${name}: ${text}`);
    else elements.set(element.key, element);
  }
  const dynamic = { size: Number(body.size ?? 0), timeoutSeconds: Number(body.timeout ?? 0) };
  const isCounted = Array.isArray(body.stmt) && body.stmt.some((one) => isRecord(one) && 'counter' in one);
  return { name, key, data, ...(isDynamic ? { dynamic } : {}), ...(isCounted ? { counted: true } : {}), elements };
}

const keyParts: readonly KeyPart[] = ['address', 'protocol', 'port', 'slot'];

/** A name, a list of names, or since 1.1 an example of the key. */
function partsOf(family: Family, type: unknown): KeyPart[] | undefined {
  if (isRecord(type)) return isRecord(type.typeof) ? partsOf(family, exampleTypes(family, type.typeof)) : undefined;
  const parts = [type].flat().map((one) => keyParts.find((part) => typeOf(family, part) === one));
  return parts.every((part) => part !== undefined) ? parts : undefined;
}

function exampleTypes(family: Family, example: Record_): string[] {
  const fields: unknown[] = Array.isArray(example.concat) ? example.concat : [example];
  return fields.map((field) => {
    const text = expressionText(field);
    if (/ [sd]addr$/.test(text)) return typeOf(family, 'address');
    if (text === 'meta l4proto') return typeOf(family, 'protocol');
    return typeOf(family, text.startsWith('numgen ') ? 'slot' : 'port');
  });
}

/** `ipv4_addr . inet_service` in one text, or since 1.1 as a list. */
function isEndpoint(family: Family, map: unknown): boolean {
  const names = typeof map === 'string' ? map.split(' . ') : [map].flat();
  return names.join() === [typeOf(family, 'address'), typeOf(family, 'port')].join();
}

function finish({ family, table, comment, sets, heads, lines, strange, unread }: Draft): ReadTable {
  const chains = new Map([...heads].map(([name, head]) => [name, chainFromLines(family, head, lines.get(name) ?? [])]));
  const program = {
    family,
    table,
    sets: withProtocols(sets, chains.values()),
    chains,
    ...(unread.size > 0 ? { unread } : {}),
  };
  return { program: comment === undefined ? program : { ...program, comment }, strange };
}

/** nft 1.0.6 does not print in JSON which protocol a map's ports have; the rules that look into it do. */
function withProtocols(sets: ReadonlyMap<string, NftSet>, chains: Iterable<Chain>): ReadonlyMap<string, NftSet> {
  const protocols = new Map<string, Protocol>();
  for (const { rules } of chains) {
    for (const statement of rules.flatMap((rule) => rule?.statements ?? [])) {
      if (statement.kind === 'dnatMap') protocols.set(statement.map, statement.protocol);
    }
  }
  return new Map(
    [...sets].map(([name, set]) => {
      const protocol = set.key.includes('slot') ? protocols.get(name) : undefined;
      return [name, protocol === undefined ? set : { ...set, protocol }];
    }),
  );
}
