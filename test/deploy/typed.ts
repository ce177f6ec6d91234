import type { ApiDouble } from '../apiserver/double.ts';
import type { Stored } from '../apiserver/stored.ts';
import { objectsIn } from '../controller/live.ts';

/** A command of a page, and the line in which it begins, from 1. */
export interface Typed {
  readonly command: string;
  readonly line: number;
}

/**
 * The commands of the blocks that are fenced as `sh`: single lines, lines continued after a `\`, and those with a text
 * up to `END`.
 */
export function typedIn(page: string): readonly Typed[] {
  const typed: { command: string; line: number }[] = [];
  let isIn = false;
  let isOpen = false;
  for (const [i, text] of page.split('\n').entries()) {
    if (text.startsWith('```')) isIn = text === '```sh';
    else if (isIn) {
      const last = typed.at(-1);
      if (isOpen && last !== undefined) last.command += `\n${text}`;
      else typed.push({ command: text, line: i + 1 });
      const command = typed.at(-1)?.command ?? '';
      isOpen = command.includes("<<'END'") ? text !== 'END' : text.endsWith('\\');
    }
  }
  return typed;
}

interface DaemonSet extends Stored {
  readonly spec: {
    readonly template: { readonly metadata: { readonly labels: object }; readonly spec: PodSpec };
  };
}

interface PodSpec {
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly affinity?: {
    readonly nodeAffinity: {
      readonly requiredDuringSchedulingIgnoredDuringExecution: {
        readonly nodeSelectorTerms: readonly { readonly matchExpressions: readonly Expression[] }[];
      };
    };
  };
}

interface Expression {
  readonly key: string;
  readonly operator: 'DoesNotExist' | 'Exists';
}

/**
 * Does the work of a cluster's controllers and kubelets between two commands: each DaemonSet has a ready pod on each
 * node where it may run, and nowhere else; Pods that users started have ended; the token of a service account is in its
 * Secret.
 */
export function settle(double: ApiDouble, token = 'of-the-reader'): void {
  const found = <T extends Stored>(kind: string) => objectsIn(double, kind) as unknown as readonly T[];
  const nodes = found('Node');
  const wanted = found<DaemonSet>('DaemonSet').flatMap((daemonSet) => {
    const able = nodes.filter(({ metadata }) => mayRun(daemonSet.spec.template.spec, metadata.labels ?? {}));
    double.apply({ ...daemonSet, kind: 'DaemonSet', status: statusOf(daemonSet, able.length) });
    return able.map((node) => podOf(daemonSet, node));
  });
  const isWanted = (pod: Stored) => wanted.some(({ metadata }) => metadata.name === pod.metadata.name);
  for (const pod of found('Pod')) {
    const { namespace, name } = pod.metadata;
    if (pod['ofDaemonSet'] !== true) double.apply({ ...pod, kind: 'Pod', status: { phase: 'Succeeded' } });
    else if (!isWanted(pod)) double.remove('Pod', namespace, name);
  }
  for (const pod of wanted) double.apply(pod);
  for (const secret of found('Secret')) {
    if (secret['type'] !== 'kubernetes.io/service-account-token') continue;
    double.apply({ ...secret, kind: 'Secret', data: { token: Buffer.from(token).toString('base64') } });
  }
}

function mayRun({ nodeSelector = {}, affinity }: PodSpec, labels: Readonly<Record<string, string>>): boolean {
  const terms = affinity?.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms;
  const holds = ({ key, operator }: Expression) => Object.hasOwn(labels, key) === (operator === 'Exists');
  const isNear = terms === undefined || terms.some(({ matchExpressions }) => matchExpressions.every(holds));
  return isNear && Object.entries(nodeSelector).every(([key, value]) => labels[key] === value);
}

function podOf({ metadata, spec }: DaemonSet, node: Stored) {
  const { labels } = spec.template.metadata;
  const name = `${metadata.name}-${node.metadata.name}`;
  return {
    ...{ kind: 'Pod', apiVersion: 'v1', ofDaemonSet: true },
    metadata: { name, ...(metadata.namespace && { namespace: metadata.namespace }), labels: { ...labels } },
    spec: { nodeName: node.metadata.name },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

function statusOf({ metadata }: DaemonSet, count: number) {
  const numbers = [
    'desiredNumberScheduled',
    'currentNumberScheduled',
    'updatedNumberScheduled',
    'numberReady',
    'numberAvailable',
  ];
  // Writing the status counts as one more.
  const observedGeneration = (metadata.generation ?? 0) + 1;
  return { observedGeneration, ...Object.fromEntries(numbers.map((number) => [number, count])) };
}
