import { compareText, servicePortIn } from '../../compiler/values/names.ts';
import { type Asked, keysOf } from '../input/asked.ts';
import type { AgentStatus } from '../serving/status.ts';

/** The Services of a status that were chosen. */
export type IsChosen = (servicePort: string) => boolean;

/**
 * The choice made on the command line.
 *
 * labelled  keys of the Services that a selector matches; undefined: no selector was given
 * returns   tells whether `shop/cart:http` was chosen; undefined: no choice was made, so all are meant
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

/** Every Service once, `shop/cart`: those that are served, and those in quarantine. */
export function serviceNames({ services, families }: AgentStatus): readonly string[] {
  const ports = [
    ...services.map(({ id }) => servicePortIn(id)),
    ...families.flatMap(({ quarantined }) => quarantined.map(({ service }) => service)),
  ];
  return [...new Set(ports.map((port) => port.split(':')[0] ?? port))].sort(compareText);
}

/** The status as if no other Services existed; the agent's own state stays complete. */
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
