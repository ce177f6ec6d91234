import { localAddressesAnnotation } from '../../compiler/model/node.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * What is kept of a Node that is not this one: its name, addresses and ranges of pods. They say which addresses are
 * somebody's: not to be bound here, and not another cluster's to claim. A cluster has thousands of Nodes.
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

/** Tells news of an object from what says the same as before. */
export interface News {
  /** value: undefined: the object is gone. */
  isNews(key: string, value: unknown): boolean;
}

/**
 * Every Node's kubelet writes its status every few minutes, so of five thousand Nodes twenty times a second one is told
 * of that is as it was. Nobody behind hears of that.
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
