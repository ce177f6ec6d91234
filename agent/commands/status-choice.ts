import { compareText, parseNamespace, servicePortIn } from '../../compiler/values/names.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { UsageError } from '../input/input-error.ts';
import { parseTarget, type SelectionOptions } from '../input/selection.ts';
import type { AgentStatus } from '../serving/status.ts';

/** Which Services of a status are asked about. */
export type IsChosen = (servicePort: string) => boolean;

/**
 * What was chosen on the command line.
 *
 * targets   `NAMESPACE/NAME[:PORT]`, or `NAME[:PORT]` with a namespace; PORT is a port's name
 * returns   asked of `shop/cart:http`; undefined: nothing was chosen, so all are meant
 * throws    UsageError
 */
export function parseStatusChoice(
  targets: readonly string[],
  { namespace }: Pick<SelectionOptions, 'namespace'>,
): IsChosen | undefined {
  if (namespace !== undefined && parseNamespace(namespace) === undefined) {
    throw new UsageError(`--namespace ${printable(namespace)}`, 'is not a namespace name');
  }
  const named = targets.map((text) => {
    const target = parseTarget(text, namespace);
    if (target !== undefined) return target;
    const hint = namespace === undefined ? '; or give --namespace' : '';
    throw new UsageError(printable(text), `is not NAMESPACE/NAME or NAMESPACE/NAME:PORT${hint}`);
  });
  if (namespace === undefined && named.length === 0) return undefined;
  return (servicePort) => {
    const [service = servicePort, port = ''] = servicePort.split(':');
    return (
      (namespace === undefined || service.startsWith(`${namespace}/`)) &&
      (named.length === 0 ||
        named.some(
          (target) =>
            [target.service, `${target.service}@clusterset`].includes(service) &&
            (target.port === undefined || target.port === port),
        ))
    );
  };
}

/** Every Service once, `shop/cart`: those that are served, and those that are held back. */
export function serviceNames({ services, families }: AgentStatus): readonly string[] {
  const ports = [
    ...services.map(({ id }) => servicePortIn(id)),
    ...families.flatMap(({ quarantined }) => quarantined.map(({ service }) => service)),
  ];
  return [...new Set(ports.map((port) => port.split(':')[0] ?? port))].sort(compareText);
}

/** The status as if there were no other Services; what is said of the agent itself stays. */
export function chosenStatus(status: AgentStatus, isChosen: IsChosen | undefined): AgentStatus {
  if (isChosen === undefined) return status;
  return {
    ...status,
    services: status.services.filter(({ id }) => isChosen(servicePortIn(id))),
    families: status.families.map((family) => ({
      ...family,
      quarantined: family.quarantined.filter(({ service }) => isChosen(service)),
    })),
  };
}
