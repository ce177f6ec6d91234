import type { Diagnostic } from '../values/diagnostic.ts';
import type { ClusterName } from '../values/names.ts';
import { asFields, type Fields, show, textOf } from './fields.ts';
import { refOf } from './metadata.ts';

/** Deeper than any real nesting; a YAML alias can make a list its own item. */
const listDepth = 8;

/**
 * Objects, including the items of lists. Empty documents are skipped, and anything that is not an object is reported.
 */
export function expandLists(
  raws: readonly unknown[],
  cluster: ClusterName | undefined,
  diagnostics: Diagnostic[],
  depth = 0,
): Fields[] {
  const objects: Fields[] = [];
  for (const raw of raws) {
    if (raw === null || raw === undefined) continue; // an empty YAML document
    const fields = asFields(raw);
    if (fields === undefined) {
      reportNoObject(raw, cluster, diagnostics);
      continue;
    }
    const itemKind = /^(\w*)List$/.exec(textOf(fields, 'kind') ?? '')?.[1];
    if (itemKind === undefined || !Array.isArray(fields.items)) {
      // An empty list's items may be null.
      if (itemKind === undefined || !('items' in fields)) objects.push(fields);
    } else if (depth < listDepth) {
      const items = fields.items.map((item) => withType(item, itemKind, fields.apiVersion));
      for (const object of expandLists(items, cluster, diagnostics, depth + 1)) objects.push(object);
    } else {
      const message = `lists are nested more than ${listDepth} deep; the inner ones are left out`;
      const object = refOf(fields, `${itemKind}List`, cluster);
      diagnostics.push({ severity: 'error', code: 'deep-list', object, message });
    }
  }
  return objects;
}

/** Items of a `ServiceList`, as the API server writes them, carry no kind. */
function withType(item: unknown, kind: string, apiVersion: unknown): unknown {
  const fields = asFields(item);
  return fields === undefined || kind === '' || fields.kind !== undefined ? item : { apiVersion, ...fields, kind };
}

function reportNoObject(raw: unknown, cluster: ClusterName | undefined, diagnostics: Diagnostic[]): void {
  const message = `${show(raw)} stands where an object should; it is left out`;
  diagnostics.push({ severity: 'error', code: 'not-an-object', object: refOf({}, 'document', cluster), message });
}
