import type { ClusterName } from './names.ts';

/** Names an object for a person, with its cluster if several could be meant. */
export interface ObjectRef {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  /** Absent for the local cluster. */
  readonly cluster?: ClusterName;
}

/** `east EndpointSlice shop/cart-x7k2`. Unprintable characters are escaped: names may be hostile. */
export function formatObjectRef(ref: ObjectRef): string {
  const path = ref.namespace === undefined ? ref.name : `${ref.namespace}/${ref.name}`;
  return `${ref.cluster === undefined ? '' : `${ref.cluster} `}${printable(ref.kind)} ${printable(path)}`;
}

/**
 * Text of an object, safe to show: control, bidirectional and other invisible characters
 * become `\u{…}`, and what is longer than `max` characters is cut.
 */
export function printable(text: string, max = 253): string {
  const cut = text.length > max ? `${text.slice(0, max)}…` : text;
  // Cc, Cf (bidi controls, zero width), Zl, Zp and lone surrogates could rewrite a terminal line.
  return cut.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}
