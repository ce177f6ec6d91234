/**
 * JSON of nft as its text: a statement of a rule becomes the words that `nft list` would print, so there is one grammar
 * to understand. What is not known becomes its JSON, which no rule of the vocabulary looks like.
 *
 * source  libnftables-json(5); nft 1.0.6 and 1.1.3
 */
export function statementText(statement: unknown): string {
  const [kind, body] = only(statement);
  switch (kind) {
    case 'match':
      return isRecord(body) ? matchText(body) : unknownText(statement);
    case 'mangle':
      return isRecord(body) ? `${expressionText(body.key)} set ${expressionText(body.value)}` : unknownText(statement);
    case 'vmap':
      return isRecord(body) ? `${expressionText(body.key)} vmap ${expressionText(body.data)}` : unknownText(statement);
    case 'set':
      return isRecord(body)
        ? `${String(body.op)} ${String(body.set)} { ${expressionText(body.elem)} }`
        : unknownText(statement);
    case 'dnat':
      return isRecord(body) ? dnatText(body) : unknownText(statement);
    case 'masquerade': {
      const flags = isRecord(body) ? [body.flags].flat() : [];
      return ['masquerade', ...flags.map(String)].join(' ');
    }
    case 'reject':
      return body === null || (isRecord(body) && body.expr === 'port-unreachable') ? 'reject' : unknownText(statement);
    case 'counter':
      return 'counter';
    default:
      return expressionText(statement);
  }
}

function matchText({ left, op, right }: Readonly<Record<string, unknown>>): string {
  const asked = expressionText(left);
  const wanted = asked === 'iifname' ? `"${String(right)}"` : expressionText(right);
  // A set of flags is `in`, which text leaves out like `==`.
  return op === '!=' ? `${asked} != ${wanted}` : `${asked} ${wanted}`;
}

function dnatText({ family, addr, port }: Readonly<Record<string, unknown>>): string {
  if (isRecord(addr)) return `dnat ${String(family)} to ${expressionText(addr)}`;
  const address = String(addr);
  return `dnat to ${address.includes(':') ? `[${address}]` : address}:${String(port)}`;
}

/** Keys, values, elements and verdicts. */
export function expressionText(expression: unknown): string {
  if (typeof expression === 'string' || typeof expression === 'number') return String(expression);
  if (Array.isArray(expression)) return expression.map(expressionText).join(',');
  const [kind, body] = only(expression);
  switch (kind) {
    case 'accept':
    case 'drop':
    case 'return':
      return kind;
    case 'jump':
    case 'goto':
      return isRecord(body) ? `${kind} ${String(body.target)}` : unknownText(expression);
    case 'concat':
      return list(body, ' . ');
    case 'set':
      return Array.isArray(body) ? `{ ${body.map(memberText).join(', ')} }` : unknownText(expression);
    case 'range':
      return list(body, '-');
    case '&':
    case '|':
    case '^':
      return list(body, ` ${kind} `);
    default:
      return isRecord(body) ? (objectText(kind, body) ?? unknownText(expression)) : unknownText(expression);
  }
}

function objectText(kind: string, body: Readonly<Record<string, unknown>>): string | undefined {
  switch (kind) {
    case 'payload':
      return `${String(body.protocol)} ${String(body.field)}`;
    case 'meta':
      return body.key === 'iifname' ? 'iifname' : `meta ${String(body.key)}`;
    case 'ct':
      return `ct ${String(body.key)}`;
    case 'fib':
      return `fib ${[body.flags].flat().map(String).join(' . ')} ${String(body.result)}`;
    case 'prefix':
      return `${String(body.addr)}/${String(body.len)}`;
    case 'numgen':
      return body.offset === 0 || body.offset === undefined
        ? `numgen ${String(body.mode)} mod ${String(body.mod)}`
        : undefined;
    case 'map':
      return `${expressionText(body.key)} map ${expressionText(body.data)}`;
    case 'elem': {
      const value = expressionText(body.val);
      return typeof body.comment === 'string' ? `${value} comment "${body.comment}"` : value;
    }
    default:
      return undefined;
  }
}

/** An element of a set, or a key with its data. */
function memberText(member: unknown): string {
  return Array.isArray(member) ? member.map(expressionText).join(' : ') : expressionText(member);
}

function list(body: unknown, between: string): string {
  return Array.isArray(body) ? body.map(expressionText).join(between) : unknownText(body);
}

function only(value: unknown): readonly [string, unknown] {
  const entries = isRecord(value) ? Object.entries(value) : [];
  return entries.length === 1 && entries[0] !== undefined ? entries[0] : ['', undefined];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unknownText(value: unknown): string {
  return `unknown ${JSON.stringify(value)}`;
}
