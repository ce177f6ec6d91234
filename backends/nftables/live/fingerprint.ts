import { hash } from 'node:crypto';
import { printProgram } from '../program/print.ts';
import type { Observation } from './observe.ts';

/** Equal for kernels that hold the same of slicewright's and of a kube-proxy's. */
export function fingerprintOf({ program, kubeProxy }: Observation): string {
  const texts = [program, kubeProxy].map((one) =>
    one === undefined ? '' : [printProgram(one), ...(one.strange ?? [])].join('\n'),
  );
  return hash('sha256', texts.join('\n'));
}
