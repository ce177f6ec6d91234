import { compile } from '../../compiler/index.ts';
import { dotText } from '../graph/dot.ts';
import { graphs } from '../graph/graph.ts';
import { graphDocument } from '../graph/json.ts';
import { mermaidText } from '../graph/mermaid.ts';
import { pictures } from '../graph/picture.ts';
import { type InputOptions, readInputs } from '../input/inputs.ts';
import type { SelectionOptions } from '../input/asked.ts';
import { parseSelection } from '../input/selection.ts';
import { type DiagnosticFormat, diagnosticsText, isWorrying } from '../terminal/diagnostics.ts';
import type { DocumentFormat } from '../terminal/document.ts';
import type { Io } from '../terminal/io.ts';
import { reportingFailures } from './failures.ts';

export interface GraphOptions extends InputOptions, SelectionOptions {
  readonly output: 'mermaid' | 'dot' | 'svg' | DocumentFormat;
  /** How many endpoints of one cluster a picture shows one by one. */
  readonly endpoints: number;
  readonly strict?: boolean;
  readonly diagnostics: DiagnosticFormat;
}

/**
 * `slicewright graph`: how traffic flows through Services, as a picture.
 *
 * targets   `NAMESPACE/NAME[:PORT]`; none: all Services
 * returns   the exit status: 0 drawn, 1 no such Service is served here or nothing could be compiled, 2 usage
 */
export function graphCommand(targets: readonly string[], options: GraphOptions, io: Io): Promise<number> {
  return reportingFailures(options.diagnostics, io, async () => {
    const { input, diagnostics, placeOf } = await readInputs(options, io.readStdin);
    const selection = parseSelection(targets, options, input);
    const compilation = compile(input);
    const all = [...diagnostics, ...compilation.diagnostics];
    await io.err(diagnosticsText(all, options.diagnostics, placeOf));
    if (options.strict === true && all.some(isWorrying)) return 1;
    const ports = graphs(compilation, selection);
    if (ports.length === 0) {
      await io.err('error: none of the chosen Services is served here; explain service shows why\n');
      return 1;
    }
    await io.out(await text());
    return 0;

    async function text(): Promise<string> {
      switch (options.output) {
        case 'json':
        case 'yaml':
          return graphDocument(ports, options.output);
        case 'mermaid':
          return mermaidText(pictures(ports, options.endpoints));
        case 'dot':
          return dotText(pictures(ports, options.endpoints));
        case 'svg': {
          const { svgText } = await import('../graph/svg.ts');
          return svgText(pictures(ports, options.endpoints));
        }
      }
    }
  });
}
