import { compareText } from '../../compiler/values/names.ts';
import type { TrafficDangerCode } from './danger-codes.ts';
import {
  accessChange,
  accessText,
  frontendText,
  kindsText,
  placeChanges,
  placeText,
  publicReach,
  rangesText,
  sourceChanges,
  sourceText,
} from './facts.ts';
import { endpointsOf, isForward } from './fate.ts';
import { publicSize } from './networks.ts';
import type { FrontendChange } from './traffic.ts';

/** Something about a plan that an operator should look at before it is applied. */
export interface Danger<Code extends string = string> {
  /** Stable word for programs; docs/commands.md has them all. */
  readonly code: Code;
  readonly message: string;
  /** The Service port whose clients it is about: `shop/cart:http`; undefined: it is about no single Service port. */
  readonly servicePort?: string | undefined;
}

/** Fewer than this leaving at once is everyday life, whatever part of the whole they are. */
const fewOfAll = 5;
const fewOfOne = 3;

/**
 * Dangers to clients.
 *
 * countEndpoints   of the program before: each Service port counts its own
 */
export function trafficDangers(
  changes: readonly FrontendChange[],
  countEndpoints: () => number,
): Danger<TrafficDangerCode>[] {
  return [
    ...lostServicePorts(changes),
    ...leavingEndpoints(changes, countEndpoints),
    ...byServicePort(changes, 'opens-to-everyone', openingText),
    ...byServicePort(changes, 'closes-to-clients', closingText),
    ...byServicePort(changes, 'source-address-changes', addressText),
  ];
}

interface Reached {
  readonly before: ReadonlySet<string>;
  readonly after: ReadonlySet<string>;
  /** It has a frontend still. */
  readonly stays: boolean;
  readonly isServed: boolean;
}

/** Endpoints that new connections of some client reached before and reach after, over all frontends of a Service port. */
function endpointsByServicePort(changes: readonly FrontendChange[]): (readonly [string, Reached])[] {
  return [...Map.groupBy(changes, ({ servicePort }) => servicePort)]
    .sort(([a], [b]) => compareText(a, b))
    .map(([servicePort, ofPort]) => {
      const reached = (side: 'before' | 'after') => {
        const fates = new Set(
          ofPort.flatMap((change) => [...change.clients, ...change.elsewhere].map((one) => one[side])),
        );
        return new Set([...fates].flatMap((fate) => [...endpointsOf(fate)]));
      };
      return [
        servicePort,
        {
          before: reached('before'),
          after: reached('after'),
          stays: ofPort.some(({ is }) => is !== undefined),
          isServed: ofPort.some(({ isPortServed }) => isPortServed),
        },
      ];
    });
}

/** A deleted Service is expected to stop answering; a Service that still exists and answers no client is a danger. */
function* lostServicePorts(changes: readonly FrontendChange[]): Generator<Danger<TrafficDangerCode>> {
  for (const [servicePort, { before, stays, isServed }] of endpointsByServicePort(changes)) {
    if (before.size === 0 || isServed || !stays) continue;
    const message = `${servicePort} loses its last endpoint: ${before.size === 1 ? 'it had one' : `it had ${before.size}`}, and its clients will be rejected`;
    yield { code: 'last-endpoint', message, servicePort };
  }
}

function* leavingEndpoints(
  changes: readonly FrontendChange[],
  countEndpoints: () => number,
): Generator<Danger<TrafficDangerCode>> {
  let leaving = 0;
  for (const [servicePort, { before, after }] of endpointsByServicePort(changes)) {
    const gone = [...before].filter((endpoint) => !after.has(endpoint)).length;
    leaving += gone;
    if (gone >= fewOfOne && gone * 2 > before.size && after.size > 0) {
      const message = `${servicePort} loses ${gone} of its ${before.size} endpoints at once`;
      yield { code: 'many-endpoints-leave', message, servicePort };
    }
  }
  if (leaving < fewOfAll) return;
  const all = countEndpoints();
  if (leaving * 3 > all) {
    yield { code: 'many-endpoints-leave', message: `${leaving} of the node's ${all} endpoints are removed at once` };
  }
}

/** One danger of a Service port, however many of its frontends it is about. */
function byServicePort(
  changes: readonly FrontendChange[],
  code: TrafficDangerCode,
  textOf: (change: FrontendChange) => string | undefined,
): Danger<TrafficDangerCode>[] {
  const found = changes.flatMap((change) => {
    const text = textOf(change);
    return text === undefined ? [] : [{ servicePort: change.servicePort, text, where: frontendText(change.frontend) }];
  });
  return [...Map.groupBy(found, ({ servicePort }) => servicePort)]
    .sort(([a], [b]) => compareText(a, b))
    .map(([servicePort, alike]) => {
      const [{ text, where } = { text: '', where: '' }] = alike;
      const more = alike.length === 1 ? '' : ` and ${alike.length - 1} more`;
      return { code, message: `${servicePort}: ${text} (${where}${more})`, servicePort };
    });
}

/**
 * In millionths, and a little less than half, because the node's own addresses are no clients. A firewall that lets in
 * half of all addresses counts as open to everyone: a range of length 1 is hardly meant to shut out clients.
 */
const halfOfAll = 490_000;

function openingText({ was, is, clients, frontend }: FrontendChange): string | undefined {
  if (was?.allowedFrom === undefined || is === undefined) return undefined;
  const all = publicSize[frontend.address?.includes(':') === true ? 'IPv6' : 'IPv4'];
  const [before, after] = [publicReach(clients, 'before', all), publicReach(clients, 'after', all)];
  if (before >= halfOfAll || after < halfOfAll) return undefined;
  return `now open to everyone, previously only to ${rangesText(was.allowedFrom, 1)}`;
}

/** Clients of a frontend that stays are shut out, while others are served. */
function closingText(change: FrontendChange): string | undefined {
  const { is, was, clients, isPortServed } = change;
  if (is === undefined || was === undefined || !isPortServed) return undefined;
  const access = accessChange(change);
  const [closing] = access === undefined ? [] : accessText(change, { ...access, opened: nobody }, 1);
  if (closing !== undefined) return closing;
  const lost = clients.filter(({ before, after }) => isForward(before) && !isForward(after));
  const { closed } = placeChanges(change);
  if (lost.length === 0) return placeText({ opened: [], closed })[0];
  return `${kindsText([...new Set(lost.map(({ client }) => client.kind))])} are no longer served here`;
}

const nobody = { everyone: false, networks: [] } as const;

function addressText(change: FrontendChange): string | undefined {
  const texts = sourceText(sourceChanges(change));
  return texts.length === 0 ? undefined : texts.join(', ');
}
