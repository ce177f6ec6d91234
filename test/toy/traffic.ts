import type { Scope } from '../../backends/target.ts';
import type { TrafficMeter } from '../../backends/traffic.ts';
import { endpointText } from '../../compiler/ir/ir.ts';
import { readProgram, type ToyKernel } from './kernel.ts';
import { parseLine } from './line.ts';

/** The toy counts the connections of every line that forwards them. */
export function openToyMeter(kernel: ToyKernel, scope: Scope, isNeeded: boolean): TrafficMeter | undefined {
  if (!isNeeded && (kernel.isAbsent || readProgram(kernel, scope).parts.size === 0)) return undefined;
  return {
    source: 'the toy kernel',
    read: () =>
      Promise.resolve({
        uncounted: undefined,
        counts: [...readProgram(kernel, scope).parts.values()].flat().flatMap((text) => {
          const line = parseLine(text);
          if (line?.verb !== 'send') return [];
          const { servicePort, protocol, endpoint } = line;
          const connections = kernel.connections.get(text) ?? 0;
          const rest = { dialled: undefined, volume: undefined, followsShares: true };
          return [{ ...rest, servicePort, protocol, endpoint: endpointText(endpoint), connections }];
        }),
      }),
  };
}
