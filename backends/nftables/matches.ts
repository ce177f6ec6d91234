import type { LocalDetector, NodeContext } from '../../compiler/ir/node-context.ts';
import { type Cidr, splitCidr } from '../../compiler/values/address.ts';
import type { Statement } from './program/rule.ts';

/** The bit that marks a connection that gets the node's address when it leaves. */
export function maskOf(node: NodeContext): number {
  return 2 ** node.masqueradeBit;
}

export function mark(node: NodeContext): Statement {
  return { kind: 'setMark', operation: 'or', bits: maskOf(node) };
}

/** All addresses are in a network of length 0, which is no condition at all. */
export function within(side: 'saddr' | 'daddr', network: Cidr): readonly Statement[] {
  return splitCidr(network).length === 0 ? [] : [{ kind: 'address', side, networks: [network] }];
}

/** Packets of this node's pods. */
export function fromPods(detector: LocalDetector): readonly Statement[] {
  switch (detector.kind) {
    case 'source':
      return within('saddr', detector.cidr);
    case 'interface':
      return [{ kind: 'inInterface', name: detector.name, prefix: false }];
    case 'interfacePrefix':
      return [{ kind: 'inInterface', name: detector.prefix, prefix: true }];
  }
}

/** All other packets; undefined when there can be none. */
export function notFromPods(detector: LocalDetector): readonly Statement[] | undefined {
  const [statement] = fromPods(detector);
  return statement === undefined ? undefined : [{ ...statement, not: true } as Statement];
}
