import { byName } from '../../backends/index.ts';
import { endpointText, type Frontend } from '../../compiler/ir/ir.ts';
import type { Packet, Trace, Verdict } from '../../compiler/semantics/packet.ts';
import { formatPacket } from '../../compiler/semantics/packet-text.ts';
import { formatFraction, formatTrace } from '../../compiler/semantics/verdict-text.ts';
import type { IpAddress } from '../../compiler/values/address.ts';
import { type ClusterName, compareText } from '../../compiler/values/names.ts';
import type { Port } from '../../compiler/values/port.ts';
import {
  add,
  compareRationals,
  distance,
  formatPercent,
  isZero,
  one,
  type Rational,
  rational,
  zero,
} from '../../compiler/values/rational.ts';
import { whyAbsent } from '../explain/absent.ts';
import { isTarget } from '../input/selection.ts';
import { targetsOf } from '../planning/targets.ts';
import { type Flow, fateKey, type WantedPart } from './flow-table.ts';
import type { CompiledState } from './states.ts';

/** Why a backend does not meet a flow, for people: what is wanted, what was found, and by which rules. */
export interface UnmetFlow {
  readonly backend: string;
  readonly lines: readonly string[];
}

/** How a backend's program differs from what the flow wants; undefined: it meets the flow. */
export async function checkFlow(
  flow: Flow,
  state: CompiledState,
  backend: string,
  clusterOf: ClusterByEndpoint,
): Promise<UnmetFlow | undefined> {
  const wanted = flow.exceptions.get(backend) ?? flow.wanted;
  const sent = packetsOf(flow, state);
  const wantedLines = labelled(
    'wanted',
    wanted.map(({ text }) => text),
  );
  if ('reason' in sent) return { backend, lines: [...wantedLines, ...labelled('found', [sent.reason])] };
  const { trace } = await (await byName(backend)).witness();
  for (const packet of sent.packets) {
    const found = trace(targetsOf(state.compilation)[packet.family], packet);
    const difference = differenceOf(wanted, found, clusterOf);
    if (difference === undefined) continue;
    const via = flow.to.kind === 'service' ? labelled('packet', [formatPacket(packet)]) : [];
    const lines = [
      ...via,
      ...wantedLines,
      ...labelled('found', few(foundLines(found.verdict, clusterOf))),
      ...labelled('because', [difference]),
      ...labelled('rules', few(formatTrace(found))),
    ];
    return { backend, lines };
  }
  return undefined;
}

/** Shortens a list: the lines of a pool of thousands would hide the ones that matter. */
function few(lines: readonly string[], most = 40): string[] {
  return lines.length <= most ? [...lines] : [...lines.slice(0, most), `… and ${lines.length - most} more`];
}

function labelled(label: string, lines: readonly string[]): string[] {
  const [first = 'none', ...rest] = lines;
  return [`${label.padEnd(8)} ${first}`, ...rest.map((line) => `${' '.repeat(8)} ${line}`)];
}

/** The packets of a flow: to a Service, one to every address that it has inside of the cluster in this family. */
function packetsOf(
  { to }: Flow,
  { compilation, input }: CompiledState,
): { readonly packets: readonly Packet[] } | { readonly reason: string } {
  if (to.kind === 'packet') return { packets: [to.packet] };
  const { target, protocol, family } = to;
  const all = compilation.services[family].filter((ir) => isTarget(ir, target));
  const meant = all.filter((ir) => protocol === undefined || ir.protocol === protocol);
  if (new Set(meant.map((ir) => ir.protocol)).size > 1) {
    return {
      reason: `${target.service} answers there over ${meant.map((ir) => ir.protocol).join(' and ')}: end the flow with /tcp or /udp`,
    };
  }
  const packets = meant.flatMap((ir) =>
    ir.frontends.flatMap((frontend) => {
      const isMeant = isInternal(frontend) && isPort(target.port, ir.portName, frontend.port);
      return isMeant ? (to.packetTo(frontend.address, frontend.port, ir.protocol) ?? []) : [];
    }),
  );
  if (packets.length > 0) return { packets };
  if (all.length > 0) return { reason: `${target.service} has no such port over ${protocol ?? family}` };
  const inOther = (['IPv4', 'IPv6'] as const).some((other) =>
    compilation.services[other].some((ir) => isTarget(ir, target)),
  );
  return { reason: `${target.service} ${inOther ? `has no ${family} address` : whyAbsent(input, target)}` };
}

function isInternal(frontend: Frontend): frontend is Extract<Frontend, { kind: 'clusterIP' | 'clusterSetIP' }> {
  return frontend.kind === 'clusterIP' || frontend.kind === 'clusterSetIP';
}

/** A port's name means all addresses of that port, a number only those with that port number. */
function isPort(wanted: string | undefined, name: string, number: Port): boolean {
  return wanted === undefined || wanted === name || wanted === String(number);
}

/** The cluster of an endpoint, null for the local one; undefined: no slice has such an endpoint. */
export type ClusterByEndpoint = (endpoint: {
  readonly address: IpAddress;
  readonly port: Port;
}) => ClusterName | null | undefined;

export function clustersByEndpoint({ compilation }: CompiledState): ClusterByEndpoint {
  const clusters = new Map(compilation.endpoints.map((record) => [endpointText(record), record.cluster ?? null]));
  return (endpoint) => clusters.get(endpointText(endpoint));
}

/** How the result differs from what is wanted, in words; undefined: it does not. */
function differenceOf(
  wanted: readonly WantedPart[],
  { verdict, steps }: Trace,
  clusterOf: ClusterByEndpoint,
): string | undefined {
  const skipped = steps.find((step) => step.skipped !== undefined);
  if (skipped !== undefined) return `a rule in ${skipped.where} could not be followed (${skipped.skipped})`;
  const found = foundShares(wanted, verdict, clusterOf);
  // A kernel keeps the chance of a rule in 31 bits; see compiler/semantics/agree.ts.
  const rounding = rational(Math.max(endpointCount(verdict), 1), 1n << 31n);
  for (const { share, fate, text } of wanted) {
    const part = found.get(fateKey(fate)) ?? zero;
    if (compareRationals(distance(part, share.value), add(share.slack, rounding)) > 0) {
      return isZero(part)
        ? `nothing goes ${fateKey(fate)}`
        : `${shareText(part)} goes ${fateKey(fate)}, but "${text}" is expected`;
    }
  }
  const keys = new Set(wanted.map(({ fate }) => fateKey(fate)));
  const other = [...found.keys()].sort(compareText).find((key) => !keys.has(key));
  return other === undefined
    ? undefined
    : `${shareText(found.get(other) ?? zero)} goes ${other}, which is not expected`;
}

function endpointCount(verdict: Verdict): number {
  return verdict.kind === 'forward' || verdict.kind === 'mixed' ? verdict.to.length : 0;
}

/** Fate → share, grouped like the wanted lines: if one names a cluster, an endpoint that no line names counts for its cluster. */
function foundShares(
  wanted: readonly WantedPart[],
  verdict: Verdict,
  clusterOf: ClusterByEndpoint,
): ReadonlyMap<string, Rational> {
  const named = new Set(wanted.flatMap(({ fate }) => (fate.kind === 'endpoint' ? [endpointText(fate)] : [])));
  const byCluster = wanted.some(({ fate }) => fate.kind === 'cluster');
  const shares = new Map<string, Rational>();
  const count = (key: string, share: Rational): void => void shares.set(key, add(shares.get(key) ?? zero, share));
  if (verdict.kind !== 'forward' && verdict.kind !== 'mixed') return new Map([[verdict.kind, one]]);
  for (const { share, ...endpoint } of verdict.to) {
    const cluster = clusterOf(endpoint);
    const isCounted = byCluster && cluster !== undefined && !named.has(endpointText(endpoint));
    const { masquerade } = endpoint;
    count(
      fateKey(
        isCounted ? { kind: 'cluster', cluster: cluster ?? undefined, masquerade } : { kind: 'endpoint', ...endpoint },
      ),
      share,
    );
  }
  for (const { fate, share } of verdict.kind === 'mixed' ? verdict.rest : []) count(fate, share);
  return shares;
}

/** In a flow table's notation, each endpoint followed by its cluster. */
function foundLines(verdict: Verdict, clusterOf: ClusterByEndpoint): string[] {
  if (verdict.kind !== 'forward' && verdict.kind !== 'mixed') return [verdict.kind];
  const parts = verdict.to.map(({ share, ...endpoint }) => {
    const cluster = clusterOf(endpoint);
    const where = cluster === undefined ? '' : ` (${cluster ?? 'local'})`;
    return `${shareText(share)} ${fateKey({ kind: 'endpoint', ...endpoint })}${where}`;
  });
  return [
    ...parts,
    ...(verdict.kind === 'mixed' ? verdict.rest.map(({ fate, share }) => `${shareText(share)} ${fate}`) : []),
  ];
}

/** In a flow table's notation: a small fraction as it is, a share that a kernel rounded as a percentage. */
export function shareText(share: Rational): string {
  if (share.denominator === 1n && share.numerator === 1n) return 'all';
  return share.denominator < 1_000_000n ? formatFraction(share) : formatPercent(share);
}
