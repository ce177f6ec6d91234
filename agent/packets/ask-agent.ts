import { loadMode, backendNames, type Mode } from '../../backends/index.ts';
import type { Packet } from '../../compiler/semantics/packet.ts';
import { parseChainPrefix } from '../../compiler/settings.ts';
import { families, type Family, type IpAddress } from '../../compiler/values/address.ts';
import { compareText } from '../../compiler/values/names.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { type Port, type Protocol, protocolText } from '../../compiler/values/port.ts';
import { rational } from '../../compiler/values/rational.ts';
import type { Target } from '../../backends/target.ts';
import { UsageError } from '../input/input-error.ts';
import { type AgentKnowledge, knowledgeKind } from '../serving/knowledge.ts';
import { documentVersion } from '../terminal/document.ts';
import { fetchAnswer, noAgent, noSuchAgent } from './fetch-answer.ts';
import type { Knowledge } from './knowledge.ts';
import type { Question } from './question.ts';

/** An agent's answer, and what is needed to look at its node's kernel. */
export interface AskedAgent {
  readonly known: Knowledge;
  readonly mode: Mode;
  readonly settings: Pick<AgentKnowledge, 'chainPrefix'> & {
    readonly ipvs: { readonly excludeCidrs: AgentKnowledge['excludeCidrs'] };
  };
  readonly targets: Knowledge['targets'];
}

/**
 * Asks the agent of this node what it knows about a Service.
 *
 * address   `127.0.0.1:10249`, the address of the agent's metrics
 * path      `NAMESPACE/NAME`, or as {@link pathOf} gives it
 * throws    InputError if nothing answers, or not as an agent does: the answer must be readable, and rules must follow from it
 */
export async function askAgent(address: string, path: string): Promise<AskedAgent> {
  const told = await fetchKnowledge(address, path);
  const mode = await loadMode(told.mode);
  const targetOf = (family: Family): Target => ({
    services: told.services.filter((ir) => ir.family === family).sort((a, b) => compareText(a.id, b.id)),
    node: told.node[family],
  });
  const targets = { IPv4: targetOf('IPv4'), IPv6: targetOf('IPv6') };
  try {
    for (const family of families) mode.backend.make(targets[family]);
  } catch (error) {
    throw noAgent(address, `cannot compile rules from the answer: ${printable(String(error), 400)}`);
  }
  const { chainPrefix, clusterCidrs, excludeCidrs, endpoints } = told;
  const known: Knowledge = {
    backend: mode.backend,
    targets,
    endpoints,
    clusterCidrs,
    whyAbsent: () => 'is not served by the agent of this node; with -f, explain service says why',
  };
  return { known, mode, settings: { chainPrefix, ipvs: { excludeCidrs } }, targets };
}

/** The path of a question about an agent's knowledge. */
export function pathOf(question: Question): string {
  if (question.kind === 'packet') return pathAt(placeOf(question.packet));
  const { destination } = question;
  return destination.kind === 'place' ? pathAt(destination) : destination.service.service;
}

function placeOf({ destination, destinationPort, protocol }: Packet) {
  return { address: destination, port: destinationPort, protocol };
}

function pathAt({ address, port, protocol }: { address: IpAddress; port: Port; protocol: Protocol }): string {
  return `at/${protocolText(protocol)}/${port}/${address}`;
}

async function fetchKnowledge(address: string, path: string): Promise<AgentKnowledge> {
  const told = parseKnowledge(await fetchAnswer(address, path));
  if (told === undefined) throw noSuchAgent(address);
  return told;
}

/**
 * Parses an agent's answer. The listener may be another program, so all texts are made printable, and the fields that decide
 * which tools run are validated; nothing of the answer is ever written to a kernel.
 */
function parseKnowledge(text: string): AgentKnowledge | undefined {
  try {
    const told = JSON.parse(text, (key, value: unknown) => {
      if (key === 'share') return shareIn(value);
      return typeof value === 'string' ? printable(value, 2_000) : value;
    });
    const isComplete =
      told.apiVersion === documentVersion &&
      told.kind === knowledgeKind &&
      backendNames().includes(told.mode) &&
      parseChainPrefix(told.chainPrefix) !== undefined &&
      [told.services, told.endpoints, told.clusterCidrs, told.excludeCidrs].every(Array.isArray) &&
      families.every((family) => told.node?.[family]?.family === family);
    return isComplete ? told : undefined;
  } catch {
    return undefined;
  }
}

function shareIn(value: unknown) {
  const { numerator, denominator } = value as { readonly numerator: string; readonly denominator: string };
  return rational(BigInt(numerator), BigInt(denominator));
}

const ofFiles = {
  node: '--node',
  config: '--config',
  cluster: '--cluster',
  registry: '--registry',
  backend: '--backend',
  compat: '--compat',
  serviceProxyName: '--service-proxy-name',
  chainPrefix: '--chain-prefix',
  strict: '--strict',
  withoutCluster: '--without-cluster',
} as const;

/** Options that say how files are compiled have no meaning for an agent. Throws UsageError. */
export function refuseWithoutFiles(options: Partial<Record<keyof typeof ofFiles, unknown>>): void {
  for (const [name, option] of Object.entries(ofFiles)) {
    if (options[name as keyof typeof ofFiles] === undefined) continue;
    throw new UsageError(option, 'needs -f; without -f the command asks the agent of this node');
  }
}
