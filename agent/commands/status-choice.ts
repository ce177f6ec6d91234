import { compareText, servicePortIn } from '../../compiler/values/names.ts';
import { type Asked, keysOf } from '../input/asked.ts';
import type { AgentStatus } from '../serving/status.ts';

/** Which Services of a status are asked about. */
export type IsChosen = (servicePort: string) => boolean;

/**
 * What was chosen on the command line.
 *
 * labelled  keys of the Services that a selector matches; undefined: no selector was given
 * returns   asked of `shop/cart:http`; undefined: nothing was chosen, so all are meant
 */
export function statusChoice(
  { namespace, named }: Asked,
  labelled: ReadonlySet<string> | undefined,
): IsChosen | undefined {
  if (namespace === undefined && named.length === 0 && labelled === undefined) return undefined;
  return (servicePort) => {
    const [service = servicePort, port = ''] = servicePort.split(':');
    const isNamed = ({ service: wanted, port: wantedPort }: Asked['named'][number]): boolean =>
      keysOf(wanted).includes(service) && (wantedPort === undefined || wantedPort === port);
    return (
      (namespace === undefined || service.startsWith(`${namespace}/`)) &&
      (labelled === undefined || labelled.has(service)) &&
      (named.length === 0 || named.some(isNamed))
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
