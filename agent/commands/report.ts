import { writeFileSync } from 'node:fs';
import { families } from '../../compiler/values/address.ts';
import { readObjects } from '../input/files.ts';
import { fileProblem, InputError, UsageError } from '../input/input-error.ts';
import { nodeNames } from '../input/inputs.ts';
import type { SelectionOptions } from '../input/asked.ts';
import { parseSelection } from '../input/selection.ts';
import { compileWanted, type Wanted, type WantedOptions } from '../planning/compile-targets.ts';
import { planDumps } from '../planning/plan-dumps.ts';
import { compared, type Comparison, plansFrom } from '../report/comparison.ts';
import { maxDetails, reportPage } from '../report/page.ts';
import { reportedServices } from '../report/services.ts';
import { type DiagnosticFormat, diagnosticsText } from '../terminal/diagnostics.ts';
import type { Io } from '../terminal/io.ts';
import { reportingFailures } from './failures.ts';

export interface ReportOptions extends WantedOptions, SelectionOptions {
  /** Manifests that the others are compared with. */
  readonly before?: readonly string[];
  /** Dumps that they are compared with, as plan takes them. */
  readonly against?: readonly string[];
  /** What `plan -o json` printed. */
  readonly plan?: string;
  /** undefined: standard output. */
  readonly out?: string;
  readonly title?: string;
  readonly diagnostics: DiagnosticFormat;
}

/**
 * `slicewright report`: Services, traffic, rules, diagnostics and what changes, as one HTML file.
 *
 * targets   `NAMESPACE/NAME[:PORT]`; none: all Services. The list of changes always covers all Services
 * returns   the exit status: 0 written, 1 no such Service is served here or nothing could be compiled, 2 usage
 */
export function reportCommand(targets: readonly string[], options: ReportOptions, io: Io): Promise<number> {
  return reportingFailures(options.diagnostics, io, async () => {
    refuseStdinTwice(options);
    const wanted = await compileWanted(options, io, undefined);
    const { input, compilation, mode, diagnostics, placeOf } = wanted;
    const isMeant = parseSelection(targets, options, input);
    await io.err(diagnosticsText(diagnostics, options.diagnostics, placeOf));
    const comparison = await compare(options, wanted, io);
    const isAll = targets.length === 0 && options.selector === undefined;
    const made = new Map(families.map((family) => [family, mode.backend.make(wanted.targets[family])]));
    const services = reportedServices(
      compilation,
      diagnostics,
      ({ family, id }) => made.get(family)?.rulesOf(id) ?? '',
      {
        isMeant,
        isAbsentMeant: (key) => isAll && (options.namespace === undefined || key.startsWith(`${options.namespace}/`)),
      },
    );
    if (services.services.length === 0 && !(isAll && options.namespace === undefined)) {
      await io.err('error: none of the chosen Services is served here; explain service shows why\n');
      return 1;
    }
    const node = nodeNameOf(wanted);
    const title = options.title ?? (comparison === undefined ? `Services of ${node}` : `What changes on ${node}`);
    const page = await reportPage(
      { ...services, title, node, backend: mode.backend.name, comparison, placeOf },
      { maxDetails },
    );
    await write(page, options.out, io);
    return 0;
  });
}

/** The compiled node; without a name, the only Node among the objects, or no Node object. */
function nodeNameOf({ input: { nodeName, clusters } }: Wanted): string {
  const own = clusters.filter(({ cluster }) => cluster === undefined).flatMap(({ objects }) => objects);
  const [only, ...others] = nodeName === undefined ? nodeNames(own) : [nodeName];
  return only === undefined || others.length > 0 ? 'an unnamed node' : only;
}

/** Both sides of a comparison read the files that say how to compile, but standard input can be read only once. */
function refuseStdinTwice({ before = [], filename, node, config, registry, cluster = [], plan }: ReportOptions): void {
  const shared = [node, config, registry, ...cluster.map((one) => one.slice(one.indexOf('=') + 1))];
  const once = [...filename, ...before, plan].filter((path) => path === '-').length;
  if (once > 1 || (once > 0 && plan === '-') || (before.length > 0 && shared.includes('-'))) {
    throw new UsageError('-', 'standard input can be read only once', 'stdin-twice');
  }
}

/** undefined: there is no comparison. */
async function compare(options: ReportOptions, wanted: Wanted, io: Io): Promise<Comparison | undefined> {
  const { before, against, plan } = options;
  if (plan !== undefined) return planned(plan, io);
  if (before !== undefined) {
    // Warnings about the earlier objects do not fail the command.
    const { strict: _strict, ...others } = options;
    const { targets, clusterOf } = await compileWanted({ ...others, filename: before }, io, undefined);
    const either = (endpoint: string) => wanted.clusterOf(endpoint) ?? clusterOf(endpoint);
    const source = before.join(', ');
    return compared(plansFrom(targets, wanted), either, source);
  }
  return against && compared(planDumps(against, wanted, false), wanted.clusterOf);
}

async function planned(file: string, io: Io): Promise<Comparison> {
  const [document] = await readObjects([file], io.readStdin);
  const { comparedInPlan } = await import('../report/plan-document.ts');
  return comparedInPlan(document, file);
}

async function write(page: string, out: string | undefined, io: Io): Promise<void> {
  if (out === undefined) return io.out(page);
  try {
    writeFileSync(out, page);
  } catch (error) {
    const message = `cannot be written: ${error instanceof Error ? error.message : String(error)}`;
    throw new InputError([fileProblem(out, 'output-unwritable', message)]);
  }
}
