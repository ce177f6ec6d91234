import { parseNamespace, parseObjectName, parsePortName } from '../../compiler/values/names.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { UsageError } from './input-error.ts';
import { type Matches, parseSelector } from './selector.ts';

/* The words that choose Services. It loads no parser of objects, so `status` starts fast; selection.ts finds the Services. */

/** The options that choose Services among all that were read; nothing given means all of them. */
export interface SelectionOptions {
  readonly namespace?: string;
  readonly selector?: string;
}

/** The choice of Services, before the Services are known. */
export interface Asked {
  readonly namespace: string | undefined;
  readonly named: readonly Target[];
  /** Matches a Service's labels; undefined: no selector was given. */
  readonly matches: Matches | undefined;
}

/** Throws UsageError for an invalid namespace, label selector or target. */
export function parseAsked(targets: readonly string[], { namespace, selector }: SelectionOptions): Asked {
  if (namespace !== undefined && parseNamespace(namespace) === undefined) {
    throw new UsageError(`--namespace ${printable(namespace)}`, 'is not a namespace name');
  }
  const matches = selector === undefined ? undefined : parseSelector(selector);
  if (selector !== undefined && matches === undefined) {
    const message = 'is not a label selector, such as app=cart,tier!=test,zone in (a,b),!old';
    throw new UsageError(`--selector ${printable(selector)}`, message);
  }
  const named = targets.map((text) => {
    const target = parseTarget(text, namespace);
    if (target !== undefined) return target;
    const hint = namespace === undefined ? '; or give --namespace' : '';
    throw new UsageError(printable(text), `is not NAMESPACE/NAME or NAMESPACE/NAME:PORT${hint}`);
  });
  return { namespace, named, matches };
}

export interface Target {
  readonly service: string;
  /** Name or number of a port; undefined: all ports. */
  readonly port: string | undefined;
}

/** `NAMESPACE/NAME[:PORT]`, or `NAME[:PORT]` with a namespace given; undefined: it is neither. */
export function parseTarget(text: string, namespaceOption?: string): Target | undefined {
  const match = /^(?:([^/:]+)\/)?([^/:]+)(?::([^/:]+))?$/.exec(text);
  const [namespace, name] = [parseNamespace(match?.[1] ?? namespaceOption), parseObjectName(match?.[2])];
  const port = match?.[3];
  if (namespace === undefined || name === undefined) return undefined;
  if (port !== undefined && parsePortName(port) === undefined) return undefined;
  return { service: `${namespace}/${name}`, port };
}

/** The key of the Service, and of the ServiceImport of that name. */
export function keysOf(service: string): readonly string[] {
  return [service, `${service}@clusterset`];
}
