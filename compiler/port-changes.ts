import type { ServicePortIR } from './ir/ir.ts';
import type { ServicePortId } from './values/names.ts';

/** Notes the ports of one Service whose meaning is another one after it was compiled again, and those that are gone. */
export function notePortChanges(
  before: readonly ServicePortIR[],
  after: readonly ServicePortIR[],
  changes: Map<ServicePortId, ServicePortIR | 'gone'>,
): void {
  if (before.length === 0) {
    for (const port of after) changes.set(port.id, port);
    return;
  }
  const [was, is] = [before[0], after[0]];
  if (before.length === 1 && after.length === 1 && was !== undefined && was.id === is?.id) {
    if (was.hash !== is.hash) changes.set(is.id, is);
    return;
  }
  const hashes = new Map(before.map(({ id, hash }) => [id, hash]));
  for (const port of after) {
    if (hashes.get(port.id) !== port.hash) changes.set(port.id, port);
    hashes.delete(port.id);
  }
  for (const id of hashes.keys()) changes.set(id, 'gone');
}
