import { localAddressesAnnotation } from '../../compiler/model/node.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * The kept part of a Node that is not this one: its name, addresses and ranges of pods. They show which addresses
 * are in use: this node must not bind them, and another cluster must not claim them. A cluster has thousands of Nodes.
 *
 * node     reduced already (reduce.ts)
 */
export function reduceOtherNode({ kind, apiVersion, metadata, spec, status }: Json): Json {
  const { name, annotations } = fieldsOf(metadata);
  const { addresses } = fieldsOf(status);
  const local = fieldsOf(annotations)[localAddressesAnnotation];
  return {
    kind,
    apiVersion,
    metadata: { name, ...(local === undefined ? {} : { annotations: { [localAddressesAnnotation]: local } }) },
    spec: { podCIDRs: fieldsOf(spec)['podCIDRs'] },
    status: { addresses },
  };
}

function fieldsOf(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

/** Tells whether an object's value has changed. */
export interface News {
  /** value: undefined: the object is gone. */
  isNews(key: string, value: unknown): boolean;
}

/**
 * Every Node's kubelet writes its status every few minutes, so with five thousand Nodes an unchanged one arrives
 * twenty times a second. These are dropped here.
 */
export function createNews(): News {
  const texts = new Map<string, string>();
  return {
    isNews(key, value) {
      if (value === undefined) return texts.delete(key);
      const text = JSON.stringify(value);
      if (texts.get(key) === text) return false;
      texts.set(key, text);
      return true;
    },
  };
}
