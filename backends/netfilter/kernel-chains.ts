import type { KernelChain } from './rule.ts';

/** In the order in which iptables-save shows them. */
export const kernelChains: readonly KernelChain[] = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];

export function isKernelChain(name: string): name is KernelChain {
  return (kernelChains as readonly string[]).includes(name);
}
