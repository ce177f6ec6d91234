import { byName } from '../../backends/index.ts';
import { compile } from '../../compiler/index.ts';
import { parsePacket } from '../../compiler/semantics/packet-text.ts';
import { formatTrace, formatVerdict } from '../../compiler/semantics/verdict-text.ts';
import { type DiagnosticFormat, diagnosticsText, isWorrying } from '../terminal/diagnostics.ts';
import { type InputOptions, readInputs } from '../input/inputs.ts';
import type { Io } from '../terminal/io.ts';
import { targetsOf } from '../planning/targets.ts';
import { reportingFailures } from './failures.ts';

export interface ExplainPacketOptions extends InputOptions {
  readonly strict?: boolean;
  readonly diagnostics: DiagnosticFormat;
}

/**
 * `slicewright explain packet`: what becomes of a connection's first packet, and by which rules.
 *
 * text      as `formatPacket` writes packets
 * returns   the exit status: 0 told, 1 nothing could be compiled; undefined: that is no packet
 */
export async function explainPacketCommand(
  text: string,
  options: ExplainPacketOptions,
  io: Io,
): Promise<number | undefined> {
  const packet = parsePacket(text);
  if (packet === undefined) return undefined;
  return reportingFailures(options.diagnostics, io, async () => {
    const { input, backend, diagnostics, placeOf } = await readInputs(options, io.readStdin);
    const compilation = compile(input);
    const all = [...diagnostics, ...compilation.diagnostics];
    await io.err(diagnosticsText(all, options.diagnostics, placeOf));
    if (options.strict === true && all.some(isWorrying)) return 1;
    const { trace } = await (await byName(backend)).witness();
    const found = trace(targetsOf(compilation)[packet.family], packet);
    const lines = [...formatVerdict(found.verdict), '', ...formatTrace(found)];
    await io.out(`${lines.join('\n').trimEnd()}\n`);
    return 0;
  });
}
