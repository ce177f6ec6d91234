import type { Stored } from './stored.ts';

/** Whether a list or watch selects an object. */
export type Selects = (object: Stored) => boolean;

/** The label selectors that slicewright sends: `k=v`, `k!=v`, `k`, `!k`, joined by commas. */
export function labelSelector(text: string | null): Selects {
  const terms = (text ?? '').split(',').filter((term) => term !== '');
  const tests = terms.map((term): Selects => {
    const [, not, key = '', operator, value] = /^(!?)([^=!]+)(!?==?)?(.*)$/.exec(term) ?? [];
    if (not === '!') return ({ metadata }) => !Object.hasOwn(metadata.labels ?? {}, key);
    if (operator === undefined) return ({ metadata }) => Object.hasOwn(metadata.labels ?? {}, key);
    const wanted = !operator.startsWith('!');
    return ({ metadata }) => (metadata.labels?.[key] === value) === wanted;
  });
  return (object) => tests.every((test) => test(object));
}

/** `metadata.name=x`, `metadata.namespace=x`, `spec.clusterIP!=None`, joined by commas. */
export function fieldSelector(text: string | null): Selects {
  const terms = (text ?? '').split(',').filter((term) => term !== '');
  const tests = terms.map((term): Selects => {
    const [, path = '', operator = '=', value] = /^([^=!]+)(!?==?)(.*)$/.exec(term) ?? [];
    const wanted = !operator.startsWith('!');
    return (object) => ((fieldAt(object, path.split('.')) ?? '') === value) === wanted;
  });
  return (object) => tests.every((test) => test(object));
}

function fieldAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined),
    value,
  );
}
