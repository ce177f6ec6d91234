import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { type Cidr, type IpAddress, parseAddress } from '../../../compiler/values/address.ts';
import { type Port, type Protocol, parsePort } from '../../../compiler/values/port.ts';
import type { FoundFrontend, Side } from '../../planning/traffic.ts';
import { statementTargets } from '../program/check.ts';
import { parseProtocolWord } from '../program/parse-rule.ts';
import type { Element, NftProgram } from '../program/program.ts';
import type { Statement } from '../program/rule.ts';
import { traceProgram } from '../trace/trace.ts';

/** What a table does with packets. Reads kube-proxy's own as well as slicewright's. */
export function programSide(program: NftProgram, node: NodeContext): Side {
  return {
    frontends: findFrontends(program),
    entry: entryText(program),
    verdictOf: (packet) => traceProgram(program, packet, node).verdict,
  };
}

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

/** Frontends by the Service port and what clients dial: the same key in every backend. */
export function findFrontends(program: NftProgram): ReadonlyMap<string, FoundFrontend> {
  const frontends = new Map<string, FoundFrontend>();
  const textOf = createChainText(program);
  for (const map of entrances) {
    for (const element of program.sets.get(map)?.elements.values() ?? []) {
      const dialled = dialledBy(element);
      const servicePort = servicePortOf(element);
      if (dialled === undefined || servicePort === undefined) continue;
      const { address, protocol, port } = dialled;
      const key = `${servicePort} ${protocol} ${address ?? 'node'} ${port}`;
      const earlier = frontends.get(key);
      const chain = chainOf(element);
      const own = [
        `${map} ${element.text}`,
        chain === undefined ? '' : textOf(chain),
        ...endpointTexts(program, dialled),
      ];
      frontends.set(key, {
        servicePort,
        kind: earlier?.kind ?? kindOf(program, dialled),
        ...dialled,
        allowedFrom: earlier?.allowedFrom ?? (chain === undefined ? undefined : allowedFrom(program, chain)),
        rules: [earlier?.rules ?? '', ...own].join('\n'),
      });
    }
  }
  return frontends;
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

function kindOf({ sets }: NftProgram, { address, protocol, port }: Dialled): FoundFrontend['kind'] {
  if (address === undefined) return 'node port';
  if (sets.get('cluster-ips')?.elements.has(address) === true) return 'cluster IP';
  const place = `${address} . ${protocol.toLowerCase()} . ${port}`;
  const isGuarded = ['guarded', 'firewall-ips'].some((set) => sets.get(set)?.elements.has(place));
  return isGuarded ? 'loadbalancer IP' : 'external';
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

function allowedFrom({ chains }: NftProgram, chain: string): Cidr | undefined {
  if (!chain.startsWith('firewall')) return undefined;
  const statements = chains.get(chain)?.rules.flatMap((rule) => rule?.statements ?? []) ?? [];
  return statements.find((one): one is Extract<Statement, { kind: 'address' }> => one.kind === 'address')?.networks[0];
}

/** Rules that are for no frontend alone but lead packets to them. */
function entryText({ chains }: NftProgram): string {
  const shared = [...chains.values()].filter(({ name }) => !name.includes('/'));
  return shared
    .flatMap(({ name, hook, lines }) => [
      `${name} ${JSON.stringify(hook ?? {})}`,
      ...lines.map((line) => `${name} ${line}`),
    ])
    .sort()
    .join('\n');
}

/** A chain's lines and those of every chain below it; a loop ends where it closes. */
function createChainText(program: NftProgram): (name: string) => string {
  const texts = new Map<string, string>();
  const textOf = (name: string): string => {
    const known = texts.get(name);
    if (known !== undefined) return known;
    texts.set(name, '');
    const chain = program.chains.get(name);
    const targets = new Set(
      chain?.rules.flatMap((rule) => rule?.statements ?? []).flatMap((one) => statementTargets(program, one)),
    );
    const text = [...(chain?.lines ?? []), ...[...targets].map(textOf)].join('\n');
    texts.set(name, text);
    return text;
  };
  return textOf;
}
