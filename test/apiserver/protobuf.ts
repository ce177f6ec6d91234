/**
 * Bodies in protobuf, which `kubectl create secret` and similar commands send: the kinds that they create, turned into
 * the same object's JSON. Answers stay JSON, which every client accepts.
 *
 * source: runtime.Unknown of k8s.io/apimachinery, core/v1 generated.proto
 */

export const protobufType = 'application/vnd.kubernetes.protobuf';

type FieldType = 'text' | 'bytes' | 'boolean' | Message | { readonly valuesOf: 'text' | 'bytes' };
/** By field number: the field's name in JSON, and its type. Fields that are not listed are skipped. */
interface Message {
  readonly fields: Readonly<Record<number, readonly [name: string, type: FieldType]>>;
}

const texts = { valuesOf: 'text' } as const;
const objectMeta: Message = {
  fields: { 1: ['name', 'text'], 3: ['namespace', 'text'], 11: ['labels', texts], 12: ['annotations', texts] },
};
const kinds: Readonly<Record<string, Message>> = {
  'v1 Namespace': { fields: { 1: ['metadata', objectMeta] } },
  'v1 Secret': {
    fields: {
      1: ['metadata', objectMeta],
      2: ['data', { valuesOf: 'bytes' }],
      3: ['type', 'text'],
      4: ['stringData', texts],
      5: ['immutable', 'boolean'],
    },
  },
  'v1 ConfigMap': {
    fields: {
      1: ['metadata', objectMeta],
      2: ['data', texts],
      3: ['binaryData', { valuesOf: 'bytes' }],
      4: ['immutable', 'boolean'],
    },
  },
};
const typeMeta: Message = { fields: { 1: ['apiVersion', 'text'], 2: ['kind', 'text'] } };
const magic = Buffer.from('k8s\0');

/** The object as JSON; undefined: its kind is not known here. throws Error for bytes that are no message */
export function fromProtobuf(body: Buffer): object | undefined {
  if (!body.subarray(0, magic.length).equals(magic)) throw new Error('no object in protobuf');
  let type: Record<string, unknown> = {};
  let raw: Buffer = none;
  for (const { number, bytes } of fieldsOf(body.subarray(magic.length))) {
    if (number === 1) type = messageOf(bytes, typeMeta);
    if (number === 2) raw = bytes;
  }
  const kind = kinds[`${String(type['apiVersion'])} ${String(type['kind'])}`];
  return kind && { ...type, ...messageOf(raw, kind) };
}

function messageOf(body: Buffer, { fields }: Message): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const { number, bytes, value } of fieldsOf(body)) {
    const [name, type] = fields[number] ?? [];
    if (name === undefined || type === undefined) continue;
    if (typeof type === 'object' && 'valuesOf' in type) {
      const entry = messageOf(bytes, { fields: { 1: ['key', 'text'], 2: ['value', type.valuesOf] } });
      found[name] = { ...(found[name] as object | undefined), [String(entry['key'])]: entry['value'] ?? '' };
    } else found[name] = valueOf(type, bytes, value);
  }
  return found;
}

function valueOf(type: 'text' | 'bytes' | 'boolean' | Message, bytes: Buffer, value: number): unknown {
  switch (type) {
    case 'text':
      return bytes.toString('utf8');
    case 'bytes':
      return bytes.toString('base64');
    case 'boolean':
      return value !== 0;
    default:
      return messageOf(bytes, type);
  }
}

interface Field {
  readonly number: number;
  /** The value of a field with a length. */
  readonly bytes: Buffer;
  /** The value of a number. */
  readonly value: number;
}

const none = Buffer.alloc(0);

function* fieldsOf(body: Buffer): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let [value, scale] = [0, 1];
    for (;;) {
      const byte = body[at++];
      if (byte === undefined) throw new Error('a message in protobuf ends too early');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  };
  while (at < body.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        yield { number, bytes: none, value: varint() };
        break;
      case 2: {
        const length = varint();
        yield { number, bytes: body.subarray(at, at + length), value: 0 };
        at += length;
        break;
      }
      default:
        throw new Error(`wire type ${tag % 8} of protobuf is in no message here`);
    }
  }
}
