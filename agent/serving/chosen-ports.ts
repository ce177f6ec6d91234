import type { Since } from '../../backends/target.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { ServicePortId } from '../../compiler/values/names.ts';

/** The Service ports of a family that a condition chooses. */
export interface ChosenPorts {
  /**
   * services   all that are in force
   * since      how they differ from those that were in force before; undefined: look at all
   */
  of(services: readonly ServicePortIR[], since: Since | undefined): readonly ServicePortIR[];
}

/** Looks only at what changed: few of a node's Service ports are chosen, and looking at all takes longer than a small change. */
export function createChosenPorts(isChosen: (port: ServicePortIR) => boolean): ChosenPorts {
  let before: readonly ServicePortIR[] | undefined;
  const chosen = new Map<ServicePortId, ServicePortIR>();

  function look(port: ServicePortIR): void {
    if (isChosen(port)) chosen.set(port.id, port);
  }

  return {
    of(services, since) {
      if (before === undefined || since?.services !== before) {
        chosen.clear();
        services.forEach(look);
      } else {
        for (const [id, port] of since.changes) {
          chosen.delete(id);
          if (port !== 'gone') look(port);
        }
      }
      before = services;
      return [...chosen.values()];
    },
  };
}
