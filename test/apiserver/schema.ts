import type { Resource } from './resources.ts';
import { status } from './status.ts';
import type { Stored } from './stored.ts';

type Json = Readonly<Record<string, unknown>>;

/** A structural schema, as far as definitions of ours use it. */
interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
}

/** The schema of a version in a CustomResourceDefinition; undefined: it has none. */
export function schemaIn(definition: Stored, version: string): Schema | undefined {
  const { versions } = (definition['spec'] ?? {}) as {
    versions?: { name: string; schema?: { openAPIV3Schema: Schema } }[];
  };
  return versions?.find(({ name }) => name === version)?.schema?.openAPIV3Schema;
}

/**
 * A custom object as the API server keeps it: without fields that its schema does not know.
 *
 * throws   422 for what the schema does not allow
 */
export function conform(resource: Resource, object: Stored, schema: Schema): Stored {
  const { metadata, ...fields } = object;
  return { ...(shaped(fields, schema, '', resource, metadata.name) as Json), metadata };
}

function shaped(value: unknown, schema: Schema, path: string, resource: Resource, name: string): unknown {
  const refuse = (problem: string, reason?: string) => status.invalid(resource, name, path.slice(1), problem, reason);
  if (value === null || value === undefined) return value;
  const actual = Array.isArray(value)
    ? 'array'
    : typeof value === 'number' && Number.isInteger(value)
      ? 'integer'
      : typeof value;
  const isRight =
    schema.type === undefined || actual === schema.type || (schema.type === 'number' && actual === 'integer');
  if (!isRight)
    throw refuse(`Invalid value: "${actual}": must be of type ${schema.type}: "${actual}"`, 'FieldValueTypeInvalid');
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    const supported = schema.enum.map((each) => JSON.stringify(each)).join(', ');
    throw refuse(
      `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported}`,
      'FieldValueNotSupported',
    );
  }
  if (typeof value === 'number' && (value < (schema.minimum ?? value) || value > (schema.maximum ?? value))) {
    throw refuse(`Invalid value: ${value}: must be from ${schema.minimum} to ${schema.maximum}`);
  }
  if (typeof value === 'string' && value.length > (schema.maxLength ?? value.length))
    throw refuse(`Too long: may not be more than ${schema.maxLength} bytes`);
  if (Array.isArray(value)) {
    if (value.length < (schema.minItems ?? 0) || value.length > (schema.maxItems ?? value.length))
      throw refuse(`Invalid value: must have ${schema.minItems ?? 0} to ${schema.maxItems} items`);
    const { items } = schema;
    return items === undefined ? value : value.map((item, i) => shaped(item, items, `${path}[${i}]`, resource, name));
  }
  if (typeof value !== 'object') return value;
  const fields = value as Json;
  for (const key of schema.required ?? []) {
    if (fields[key] === undefined)
      throw status.invalid(resource, name, `${path}.${key}`.slice(1), 'Required value', 'FieldValueRequired');
  }
  const kept = Object.entries(fields).flatMap(([key, inner]): [string, unknown][] => {
    const below = schema.properties?.[key] ?? schema.additionalProperties;
    if (below !== undefined) return [[key, shaped(inner, below, `${path}.${key}`, resource, name)]];
    const isKept = schema['x-kubernetes-preserve-unknown-fields'] === true || schema.properties === undefined;
    return isKept ? [[key, inner]] : [];
  });
  return Object.fromEntries(kept);
}
