import { createHash } from 'node:crypto';
import type { Lowered, Maker } from '../../backends/maker.ts';
import type { Endpoint, Frontend, ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { type Cidr, cidrContains, type Family, hostCidr } from '../../compiler/values/address.ts';
import { compareText, type ServicePortId, servicePortText } from '../../compiler/values/names.ts';
import { rational } from '../../compiler/values/rational.ts';
import { type Dialled, type Line, parseLine, printLine, type SendLine } from './line.ts';

/**
 * Lines by part: one part for each Service port, by its id, and `node` for the rest. Packets meet parts in order of
 * name.
 */
export interface Program {
  readonly family: Family;
  readonly parts: Parts;
}
export type Parts = ReadonlyMap<string, readonly string[]>;

/** The part that belongs to no Service port. */
export const nodePart = 'node';

/** The pure half. From here on lines are text: the kernel's state and the wanted state have the same type. */
export const toyMaker: Maker<readonly Line[], Program> = {
  name: 'toy',
  wholeOf: () => undefined,
  lower,
  leftOut: () => [],
  link,
  check: ({ parts }) =>
    [...parts.values()].flat().flatMap((line) => (parseLine(line) === undefined ? [`not a line: ${line}`] : [])),
  print: printProgram,
  printUnit: (lines) => lines.map((line) => `${printLine(line)}\n`).join(''),
  hiddenNames: () => [],
  files: (program) => new Map([[fileName(program.family), printProgram(program)]]),
};

export function fileName(family: Family): string {
  return `toy-${family}`;
}

export function emptyProgram(family: Family): Program {
  return { family, parts: new Map() };
}

/** Each part under its name, and a last line that shows that the file is complete. */
export function printProgram({ family, parts }: Program): string {
  const texts = [...parts].map(([part, lines]) => [`[${part}]`, ...lines, ''].join('\n'));
  return `# toy ${family}\n${texts.join('')}# end\n`;
}

/** undefined: the text was not printed by {@link printProgram}, or is cut short. */
export function parseProgram(text: string): Program | undefined {
  const [, family, body] = /^# toy (IPv[46])\n(.*)# end\n$/s.exec(text) ?? [];
  if (body === undefined) return undefined;
  const parts = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of body.split('\n').slice(0, -1)) {
    const part = /^\[(\S+)\]$/.exec(line)?.[1];
    if (part === undefined) lines.push(line);
    else parts.set(part, (lines = []));
  }
  return { family: family as Family, parts };
}

export function fingerprintOf(program: Program): string {
  return createHash('sha256').update(printProgram(program)).digest('hex');
}

export function lineCount({ parts }: Program): number {
  return [...parts.values()].flat().length;
}

function link(units: ReadonlyMap<ServicePortId, readonly Line[]>, { family, nodePorts }: NodeContext): Program {
  const own: readonly Line[] = family === 'IPv4' && nodePorts.loopback ? [{ verb: 'guard-loopback' }] : [];
  const parts = [...units, [nodePart, own] as const]
    .filter(([, lines]) => lines.length > 0)
    .map(([part, lines]): [string, string[]] => [part, lines.map(printLine)])
    .sort(([a], [b]) => compareText(a, b));
  return { family, parts: new Map(parts) };
}

function lower(ir: ServicePortIR, node: NodeContext): Lowered<readonly Line[]> {
  const lines = ir.frontends.flatMap((frontend) => linesOf(ir, frontend, node));
  return { unit: [...lines, ...healthCheckLines(ir)], diagnostics: [] };
}

function linesOf(ir: ServicePortIR, frontend: Frontend, node: NodeContext): Line[] {
  const dialled = dialledBy(ir, frontend);
  if (frontend.kind === 'clusterIP' || frontend.kind === 'clusterSetIP') {
    if (ir.internal.kind !== 'forward') return [{ verb: ir.internal.kind, ...dialled }];
    const masquerade = node.masqueradeAll ? 'yes' : node.localDetector === undefined ? 'no' : 'strangers';
    return send(ir, ir.pools[ir.internal.pool], { ...dialled, clients: 'any', from: [], masquerade });
  }
  const ranges = frontend.kind === 'loadBalancerIP' ? frontend.sourceRanges : [];
  const to = { ...dialled, from: rangesOf(ir, ranges, node) };
  return [
    ...externalLines(ir, to),
    ...(ir.external.kind === 'forward' ? [] : [{ verb: ir.external.kind, ...dialled }]),
    // A Service port that rejects has nothing to guard.
    ...(ranges.length > 0 && ir.external.kind !== 'reject' ? [{ verb: 'guard' as const, ...dialled }] : []),
  ];
}

type Sent = Omit<SendLine, 'verb' | 'affinity' | 'share' | 'endpoint'>;

function externalLines(ir: ServicePortIR, to: Omit<Sent, 'clients' | 'masquerade'>): Line[] {
  const { external, pools, keepClientAddress } = ir;
  if (external.kind === 'reject') return [];
  if (!keepClientAddress) {
    const pool = external.kind === 'forward' ? pools.cluster : [];
    return send(ir, pool, { ...to, clients: 'any', masquerade: 'yes' });
  }
  const outside = external.kind === 'forward' ? pools[external.pool] : [];
  return [
    ...send(ir, pools.cluster, { ...to, clients: 'pods', masquerade: 'no' }),
    ...send(ir, pools.cluster, { ...to, clients: 'node', masquerade: 'yes' }),
    ...send(ir, outside, { ...to, clients: 'others', masquerade: 'no' }),
  ];
}

function send({ affinity }: ServicePortIR, pool: readonly Endpoint[], sent: Sent): Line[] {
  const total = pool.reduce((sum, { weight }) => sum + weight, 0);
  return pool.map(({ address, port, weight, masquerade }) => ({
    verb: 'send',
    ...sent,
    masquerade: masquerade ? 'yes' : sent.masquerade,
    affinity: affinity.kind === 'clientIP' ? 'client' : 'no',
    share: rational(weight, total),
    endpoint: { address, port },
  }));
}

/** Some load balancers put their address on the node, which then connects to it from that same address. */
function rangesOf(ir: ServicePortIR, ranges: readonly Cidr[], { nodeIP }: NodeContext): readonly Cidr[] {
  if (!ranges.some((range) => cidrContains(range, nodeIP))) return ranges;
  const vips = ir.frontends.flatMap((one) => (one.kind === 'loadBalancerIP' ? [hostCidr(one.address)] : []));
  return [...ranges, ...vips];
}

function healthCheckLines({ service, portName, healthCheckNodePort: port }: ServicePortIR): Line[] {
  if (port === undefined) return [];
  const servicePort = servicePortText(service, portName);
  return [{ verb: 'accept', servicePort, kind: 'nodePort', protocol: 'TCP', address: undefined, port }];
}

function dialledBy({ service, portName, protocol }: ServicePortIR, frontend: Frontend): Dialled {
  const address = frontend.kind === 'nodePort' ? undefined : frontend.address;
  const { kind, port } = frontend;
  return { servicePort: servicePortText(service, portName), kind, protocol, address, port };
}
