import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import { type Cidr, hostCidr, type IpAddress, parseAddress } from '../../../compiler/values/address.ts';
import { servicePortText } from '../../../compiler/values/names.ts';
import { type Port, type Protocol, parsePort } from '../../../compiler/values/port.ts';
import { noSigns } from '../../planning/clients.ts';
import { type FoundFrontend, frontendKey, nobodys } from '../../planning/side.ts';
import { parseProtocolWord } from '../program/parse-rule.ts';
import type { Element, NftProgram } from '../program/program.ts';
import { createBelow, networksIn, nothing } from './below.ts';

/** Maps whose elements are frontends, in slicewright's table and in kube-proxy's. */
const entrances = [
  'services',
  'node-ports',
  'refused',
  'refused-node-ports',
  'service-ips',
  'service-nodeports',
  'no-endpoint-services',
  'no-endpoint-nodeports',
];

/** Frontends by what clients dial: the same key in every backend. */
export function findFrontends(program: NftProgram): ReadonlyMap<string, FoundFrontend> {
  const frontends = new Map<string, FoundFrontend>();
  const below = createBelow(program);
  for (const map of entrances) {
    for (const element of program.sets.get(map)?.elements.values() ?? []) {
      const dialled = dialledBy(element);
      const servicePort = servicePortOf(element);
      if (dialled === undefined || servicePort === undefined) continue;
      const kind = kindOf(program, dialled);
      const key = frontendKey({ ...dialled, kind });
      const earlier = frontends.get(key);
      const chain = chainOf(element);
      const leads = chain === undefined ? nothing : below(chain);
      const own = [
        `${map} ${element.text}`,
        leads.text,
        ...guardTexts(program, dialled),
        ...endpointTexts(program, dialled),
      ];
      frontends.set(key, {
        servicePort: earlier?.servicePort ?? servicePort,
        kind: earlier?.kind ?? kind,
        ...dialled,
        allowedFrom: earlier?.allowedFrom ?? (chain === undefined ? undefined : allowedFrom(program, chain)),
        signs: {
          networks: [...(earlier?.signs.networks ?? []), ...leads.networks],
          interfaces: [...(earlier?.signs.interfaces ?? []), ...leads.interfaces],
        },
        affinitySeconds: earlier?.affinitySeconds ?? leads.affinitySeconds,
        rules: [earlier?.rules ?? '', ...own].join('\n'),
      });
    }
  }
  return new Map(withoutOwnAddresses(frontends));
}

/** Ports that are let in for load balancers' health checks: a set holds them, and the objects show their Services. */
export function healthChecks({ sets }: NftProgram, services: readonly ServicePortIR[]): [string, FoundFrontend][] {
  const names = new Map(
    services.map(({ healthCheckNodePort, service, portName }) => [
      healthCheckNodePort,
      servicePortText(service, portName),
    ]),
  );
  return [...(sets.get('health-check-ports')?.elements.values() ?? [])].flatMap(({ key }) => {
    const port = parsePort(Number(key));
    if (port === undefined) return [];
    const frontend: FoundFrontend = {
      servicePort: names.get(port) ?? nobodys,
      kind: 'health check node port',
      ...{ address: undefined, protocol: 'TCP', port },
      ...{ allowedFrom: undefined, affinitySeconds: undefined, signs: noSigns },
      rules: key,
    };
    return [[frontendKey(frontend), frontend]];
  });
}

interface Dialled {
  readonly address: IpAddress | undefined;
  readonly protocol: Protocol;
  readonly port: Port;
}

function dialledBy({ key }: Element): Dialled | undefined {
  const words = key.split(' . ');
  const port = parsePort(Number(words.at(-1)));
  const protocol = parseProtocolWord(words.at(-2));
  if (port === undefined || protocol === undefined) return undefined;
  return { address: parseAddress(words.at(-3)), protocol, port };
}

function chainOf({ data }: Element): string | undefined {
  return data !== undefined && 'chain' in data ? data.chain : undefined;
}

/** From the element's comment, or from the name of kube-proxy's chain: `service-ABCDEFGH-shop/cart/tcp/http`. */
export function servicePortOf(element: Element): string | undefined {
  if (element.comment !== undefined) return element.comment;
  const match = /^[a-z]+-[A-Z0-9]{8}-([^/]+\/[^/]+)\/[a-z]+\/([^/]*)$/.exec(chainOf(element) ?? '');
  if (match?.[1] === undefined) return undefined;
  return match[2] === '' ? match[1] : `${match[1]}:${match[2]}`;
}

function kindOf(program: NftProgram, dialled: Dialled): FoundFrontend['kind'] {
  if (dialled.address === undefined) return 'node port';
  if (program.sets.get('cluster-ips')?.elements.has(dialled.address) === true) return 'cluster IP';
  return guardTexts(program, dialled).length > 0 ? 'loadbalancer IP' : 'external';
}

/** Where a place is shut to clients that its firewall did not let in. */
function guardTexts({ sets }: NftProgram, { address, protocol, port }: Dialled): string[] {
  const place = `${address} . ${protocol.toLowerCase()} . ${port}`;
  return ['guarded', 'firewall-ips'].flatMap((name) => {
    const element = sets.get(name)?.elements.get(place);
    return element === undefined ? [] : [`${name} ${element.text}`];
  });
}

/** The endpoints of a place in the maps that all share. */
function endpointTexts({ sets }: NftProgram, { address, protocol, port }: Dialled): string[] {
  const word = protocol.toLowerCase();
  const kind = address === undefined ? 'node-port-' : '';
  const key = address === undefined ? String(port) : `${address} . ${port}`;
  return [`${kind}endpoints/${word}`, `inside-${kind}endpoints/${word}`].flatMap((name) => {
    const elements = sets.get(name)?.elements;
    const texts: string[] = [];
    for (let slot = 0; elements !== undefined; slot++) {
      const element = elements.get(`${key} . ${slot}`);
      if (element === undefined) break;
      texts.push(`${name} ${element.text}`);
    }
    return texts;
  });
}

/** The source ranges of a firewall's chain; undefined: it is none, or everyone is let in. */
function allowedFrom({ chains }: NftProgram, chain: string): readonly Cidr[] | undefined {
  if (!chain.startsWith('firewall')) return undefined;
  const rules = chains.get(chain)?.rules.map((rule) => networksIn(rule?.statements ?? [])) ?? [];
  // A network of every address is no condition, and no rule shows it.
  return rules.some((networks) => networks.length === 0) ? undefined : rules.flat();
}

/** A node that may dial a load balancer's address has that very address as its source: no range that anybody wrote. */
function withoutOwnAddresses(frontends: ReadonlyMap<string, FoundFrontend>): [string, FoundFrontend][] {
  const own = new Set(
    [...frontends.values()].flatMap(({ address }) => (address === undefined ? [] : [hostCidr(address)])),
  );
  return [...frontends].map(([key, frontend]) => {
    const ranges = frontend.allowedFrom?.filter((range) => !own.has(range));
    return [key, ranges === undefined ? frontend : { ...frontend, allowedFrom: ranges }];
  });
}
