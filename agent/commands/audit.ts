import type { Run } from '../../backends/command.ts';
import { byName } from '../../backends/index.ts';
import { compile } from '../../compiler/index.ts';
import { type AuditedFamily, auditFamily, type Outcome } from '../audit/family.ts';
import { findInDump, findInKernel, type FoundMode } from '../audit/found.ts';
import { knownDifferences } from '../audit/known.ts';
import { auditDocument } from '../audit/report-document.ts';
import { auditText } from '../audit/report-text.ts';
import { type Host, type InputOptions, readInputs } from '../input/inputs.ts';
import type { SelectionOptions } from '../input/asked.ts';
import { parseSelection } from '../input/selection.ts';
import { targetsOf } from '../planning/targets.ts';
import { type DiagnosticFormat, diagnosticsText, isWorrying } from '../terminal/diagnostics.ts';
import type { DocumentFormat } from '../terminal/document.ts';
import type { Io } from '../terminal/io.ts';
import { reportingFailures } from './failures.ts';

export interface AuditOptions extends InputOptions, SelectionOptions {
  /** Files and folders of dumps; empty: the kernel. */
  readonly against: readonly string[];
  /** The mode that slicewright would run in. */
  readonly to?: string;
  readonly output: 'text' | 'wide' | 'name' | DocumentFormat;
  readonly strict?: boolean;
  readonly diagnostics: DiagnosticFormat;
}

/**
 * `slicewright audit`: whether a node does what the objects mean, for each Service.
 *
 * targets   `NAMESPACE/NAME[:PORT]`; none: all Services
 * returns   the exit status: 0 nothing is wrong, 3 something is, 1 nothing was found wrong but something is unknown, or the
 *           audit could not be done, 2 usage
 */
export function auditCommand(
  targets: readonly string[],
  options: AuditOptions,
  io: Io,
  run: Run,
  host: Host,
): Promise<number> {
  return reportingFailures(options.diagnostics, io, async () => {
    const isHere = options.against.length === 0;
    const { input, diagnostics, placeOf } = await readInputs(options, io.readStdin, isHere ? host : undefined);
    const isSelected = parseSelection(targets, options, input);
    const { settings } = input;
    const compilation = compile(input);
    const all = [...diagnostics, ...compilation.diagnostics];
    await io.err(diagnosticsText(all, options.diagnostics, placeOf));
    if (options.strict === true && all.some(isWorrying)) return 1;
    const newest = targetsOf(compilation);
    const older = targetsOf(compile({ ...input, settings: { ...settings, compat: 'kube-proxy' } }));
    const found: FoundMode[] = [];
    for (const path of options.against) found.push(...(await findInDump(path, settings, options.backend)));
    if (isHere) found.push(...(await findInKernel(run, settings, newest, options.backend)));
    const to = options.to === undefined ? undefined : await byName(options.to);
    const audited: AuditedFamily[] = [];
    for (const { backend, observed } of found) {
      const { family } = observed;
      const objects = { target: newest[family], older: older[family] };
      audited.push(await auditFamily({ backend, observed, ...objects, to, isSelected }));
    }
    await io.out(await textOf(audited, options.output));
    return statusOf(audited);
  });
}

async function textOf(audited: readonly AuditedFamily[], output: AuditOptions['output']): Promise<string> {
  switch (output) {
    case 'json':
    case 'yaml':
      return auditDocument(audited, await knownDifferences(), output);
    case 'text':
    case 'wide':
      return auditText(audited, await knownDifferences(), { wide: output === 'wide' });
    case 'name': {
      const suspect = audited.flatMap(({ now }) =>
        now.services.flatMap(({ service, status }) => (status === 'wrong' || status === 'unknown' ? [service] : [])),
      );
      return [...new Set(suspect)].map((service) => `${service}\n`).join('');
    }
  }
}

function statusOf(audited: readonly AuditedFamily[]): number {
  const kinds = new Set(audited.flatMap(({ now }) => kindsIn(now)));
  return kinds.has('wrong') ? 3 : kinds.has('unknown') ? 1 : 0;
}

function kindsIn({ services, elsewhere }: Outcome): readonly string[] {
  return [...services.map(({ status }) => status), ...elsewhere.map(({ judgement }) => judgement.kind)];
}
