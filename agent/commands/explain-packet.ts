import type { Observed } from '../../backends/backend.ts';
import type { Run } from '../../backends/command.ts';
import { readAllDumps } from '../input/dumps.ts';
import { fileProblem, InputError } from '../input/input-error.ts';
import type { Host } from '../input/inputs.ts';
import { askAgent, type AskedAgent, pathOf, refuseWithoutFiles } from '../packets/ask-agent.ts';
import { askedPackets } from '../packets/dialled.ts';
import { type ExplainedPacket, explainPacket } from '../packets/explained.ts';
import { packetsDocument } from '../packets/json.ts';
import { knowledgeOf } from '../packets/knowledge.ts';
import { parseQuestion, type Question } from '../packets/question.ts';
import { packetText } from '../packets/text.ts';
import type { Via } from '../packets/via.ts';
import { compileWanted, type Here, type WantedOptions } from '../planning/compile-targets.ts';
import { observeFamilies } from '../planning/plan-kernel.ts';
import { type DiagnosticFormat, diagnosticsText } from '../terminal/diagnostics.ts';
import type { DocumentFormat } from '../terminal/document.ts';
import type { Io } from '../terminal/io.ts';
import { reportingFailures } from './failures.ts';

export interface ExplainPacketOptions extends Omit<WantedOptions, 'filename'> {
  /** Manifests; absent: the agent of this node is asked. */
  readonly filename?: readonly string[];
  /** `127.0.0.1:10249`, the address of the agent's metrics. */
  readonly address: string;
  /** Also check what this node's kernel holds. */
  readonly live?: boolean;
  /** Also check dumps: files and folders. */
  readonly against?: readonly string[];
  /** Which frontend of a Service is dialled; absent: the first. */
  readonly via?: Via;
  /** wide: text with `verbose`. */
  readonly output: 'text' | 'wide' | DocumentFormat;
  readonly verbose?: boolean;
  readonly diagnostics: DiagnosticFormat;
}

/**
 * `slicewright explain`: what happens to a connection's first packet, by which rules, and where the rules found on a node
 * treat it differently.
 *
 * words    a sender, then a destination (agent/packets/question.ts)
 * host     only used with `live`
 * returns  the exit status: 0 explained, 1 could not, 2 usage, 3 the rules found treat the packet differently
 */
export function explainPacketCommand(
  words: readonly string[],
  options: ExplainPacketOptions,
  io: Io,
  run: Run,
  host: Host,
): Promise<number> {
  return reportingFailures(options.diagnostics, io, async () => {
    const question = parseQuestion(words);
    const isLive = options.live === true;
    const told = await tell(options, question, io, isLive ? { host, run } : undefined);
    const { known } = told;
    const asked = askedPackets(question, options.via, known);
    const against = options.against ?? [];
    const found = isLive ? await observeFamilies(run, told, true) : readAllDumps(against, told);
    const explained: ExplainedPacket[] = [];
    for (const one of asked) explained.push(await explainPacket(one, known, found));
    if (isLive || against.length > 0) needFound(explained, found);
    const { output } = options;
    const choices = { verbose: options.verbose === true || output === 'wide' };
    await io.out(
      output === 'text' || output === 'wide'
        ? explained.map((one) => packetText(one, choices)).join('\n')
        : await packetsDocument(explained, output),
    );
    return explained.some((one) => one.found.some(({ difference }) => difference !== undefined)) ? 3 : 0;
  });
}

/** What is known, from files or from the agent of this node. */
async function tell(
  options: ExplainPacketOptions,
  question: Question,
  io: Io,
  here: Here | undefined,
): Promise<AskedAgent> {
  const { filename } = options;
  if (filename === undefined) {
    refuseWithoutFiles(options);
    return askAgent(options.address, pathOf(question));
  }
  const wanted = await compileWanted({ ...options, filename }, io, here);
  await io.err(diagnosticsText(wanted.diagnostics, options.diagnostics, wanted.placeOf));
  const { endpoints } = wanted.compilation;
  return { ...wanted, known: knowledgeOf(wanted.mode.backend, { ...wanted, endpoints }) };
}

/** A requested check found nothing of the packet's family: that does not count as agreement. */
function needFound(explained: readonly ExplainedPacket[], found: readonly Observed[]): void {
  const without = explained.find((one) => one.found.length === 0);
  if (without === undefined) return;
  const places = found.length === 0 ? 'the kernel' : [...new Set(found.map(({ source }) => source))].join(', ');
  const message = `holds nothing of ${without.packet.family}, which the packet is of`;
  throw new InputError([fileProblem(places, 'nothing-found', message)]);
}
