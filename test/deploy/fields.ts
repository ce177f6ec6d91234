import * as models from '@kubernetes/client-node';
import type { Manifest } from './kustomize.ts';

/*
 * Compares fields of manifests with Kubernetes' types, which the client library generates from its OpenAPI. An API
 * server drops an unknown field without a message, so a typing error in a manifest would have no effect and give no
 * warning.
 */

interface Attribute {
  readonly baseName: string;
  readonly type: string;
}

interface Model {
  getAttributeTypeMap(): readonly Attribute[];
}

/** The faulty fields of a manifest, by path; undefined: the library has no type for this kind. */
export function fieldProblems(manifest: Manifest): readonly string[] | undefined {
  const model = modelOf(`V1${manifest.kind}`);
  return model === undefined ? undefined : inModel(manifest, model, manifest.kind);
}

function modelOf(name: string): Model | undefined {
  return (models as unknown as Readonly<Record<string, Model | undefined>>)[name];
}

function inModel(value: unknown, model: Model, path: string): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path} is no object`];
  const types = new Map(model.getAttributeTypeMap().map(({ baseName, type }) => [baseName, type]));
  return Object.entries(value).flatMap(([key, each]) => {
    const type = types.get(key);
    return type === undefined ? [`${path}.${key} is not known`] : inType(each, type, `${path}.${key}`);
  });
}

function inType(value: unknown, type: string, path: string): string[] {
  const [, ofItems] = /^Array<(.*)>$/.exec(type) ?? [];
  if (ofItems !== undefined) {
    if (!Array.isArray(value)) return [`${path} is no list`];
    return value.flatMap((each, i) => inType(each, ofItems, `${path}[${i}]`));
  }
  const [, ofValues] = /^\{ \[key: string\]: (.*); \}$/.exec(type) ?? [];
  if (ofValues !== undefined) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path} is no map`];
    return Object.entries(value).flatMap(([key, each]) => inType(each, ofValues, `${path}.${key}`));
  }
  if (type === 'IntOrString')
    return ['number', 'string'].includes(typeof value) ? [] : [`${path} is no number or text`];
  const model = modelOf(type);
  if (model !== undefined) return inModel(value, model, path);
  if (!['string', 'number', 'boolean'].includes(type)) throw new Error(`the type ${type} of ${path} is not understood`);
  return typeof value === type ? [] : [`${path} is no ${type}`];
}
