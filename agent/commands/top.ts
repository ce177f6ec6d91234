import type { Run } from '../../backends/command.ts';
import { backendNames } from '../../backends/index.ts';
import { BackendError } from '../../backends/errors.ts';
import { isUsed } from '../../backends/target.ts';
import { defaultSettings, type Settings } from '../../compiler/settings.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import type { Host, InputOptions } from '../input/inputs.ts';
import { UsageError } from '../input/input-error.ts';
import { proxyIdentity } from '../input/proxy-identity.ts';
import type { SelectionOptions } from '../input/asked.ts';
import { type IsSelected, parseSelection } from '../input/selection.ts';
import { type Clock, sleep } from '../loop/clock.ts';
import { compileWanted, type Here } from '../planning/compile-targets.ts';
import { type DiagnosticFormat, diagnosticsText } from '../terminal/diagnostics.ts';
import { type DocumentFormat, documentText } from '../terminal/document.ts';
import type { Io } from '../terminal/io.ts';
import { paintOf } from '../terminal/paint.ts';
import { type Line, painted } from '../terminal/screen.ts';
import { watch } from '../terminal/watch.ts';
import { type AskedPort, askedOf } from '../traffic/asked.ts';
import { createTrafficBook, type ServiceRow } from '../traffic/book.ts';
import { countPorts, selectableOf } from '../traffic/count.ts';
import { trafficJson } from '../traffic/json.ts';
import { askAgent } from '../traffic/knowledge.ts';
import { openMeters, readMeters } from '../traffic/meters.ts';
import { type Level, levels, type Sorting, sortings, trafficTable } from '../traffic/table.ts';
import { reportingFailures } from './failures.ts';

export interface TopOptions extends Omit<InputOptions, 'filename'>, SelectionOptions {
  /** Absent: the agent of this node tells the requested shares. */
  readonly filename?: readonly string[];
  /** The address of the agent's metrics. */
  readonly address: string;
  readonly by: Level;
  readonly sort: Sorting;
  readonly intervalMs: number;
  /** Look once, at everything counted so far. */
  readonly once?: boolean;
  readonly output: 'text' | DocumentFormat;
  readonly strict?: boolean;
  readonly diagnostics: DiagnosticFormat;
}

/** What the command needs from its process besides texts. */
export interface TopPlace {
  readonly run: Run;
  readonly host: Host;
  readonly clock: Pick<Clock, 'nowMs' | 'timer'>;
  /** Aborted: stop. */
  readonly told: AbortSignal;
}

/**
 * `slicewright top`: the kernel's counters of traffic to Services, clusters and endpoints, beside the requested shares.
 *
 * targets   `NAMESPACE/NAME[:PORT]`; none: all Services
 * returns   the exit status: 0 shown, 1 nothing can be read, 2 usage
 */
export function topCommand(targets: readonly string[], options: TopOptions, io: Io, place: TopPlace): Promise<number> {
  return reportingFailures(options.diagnostics, io, async () => {
    const { settings, isSelected, backend, isNeeded, asked } = await knowledge(targets, options, io, place);
    const meters = await openMeters(place.run, settings, backend, isNeeded);
    if (meters.length === 0) {
      await io.err('error: found no rules for Services on this node, or cannot read them; reading needs root\n');
      return 1;
    }
    const book = createTrafficBook();
    const sources = [...new Set(meters.map(({ source }) => source))];
    let rows: readonly ServiceRow[] = [];
    let notes: readonly string[] = [];
    const look = async (): Promise<void> => {
      const wanted = await asked();
      const read = await readMeters(meters);
      const ports = [...countPorts(read.readings, wanted.ports)].filter(([, port]) => isSelected(selectableOf(port)));
      rows = book.add(new Map(ports), place.clock.nowMs());
      notes = [...(wanted.note === undefined ? [] : [wanted.note]), ...read.notes];
    };

    if (options.output !== 'text' || options.once === true) {
      await look();
      if (options.output === 'text') {
        await io.err(notes.map((note) => `info: ${note}\n`).join(''));
        await io.out(`${tableLines(rows, options, io).map(painted).join('\n')}\n`);
        return 0;
      }
      const startMs = place.clock.nowMs();
      if (options.once !== true) {
        await sleep(place.clock, options.intervalMs, place.told);
        await look();
      }
      const seconds = options.once === true ? null : (place.clock.nowMs() - startMs) / 1000;
      await io.out(
        await documentText('Traffic', { sources, notes, seconds, services: trafficJson(rows) }, options.output),
      );
      return 0;
    }

    const choices = { by: options.by, sort: options.sort };
    let problem: string | undefined;
    let hasLooked = false;
    await watch(
      { io, clock: place.clock, told: place.told, intervalMs: options.intervalMs },
      {
        async look() {
          try {
            await look();
            hasLooked = true;
            problem = undefined;
          } catch (error) {
            // Another writer may be at work: the next look may succeed.
            if (!hasLooked || !(error instanceof BackendError)) throw error;
            problem = `not read: ${error.message}`;
          }
        },
        lines: () => {
          const head = [
            `traffic, from ${sources.join(' and ')}; by ${choices.by}, sorted by ${choices.sort}`,
            ...(io.screen === undefined
              ? []
              : ['q quits; b service, cluster, endpoint; r rate, t total, p packets, n name']),
            ...[...notes, ...(problem === undefined ? [] : [problem])].map((note) => `note: ${note}`),
            '',
          ];
          return [...head.map((text) => ({ text })), ...tableLines(rows, choices, io)];
        },
        press(key) {
          const sort = sortings.find((one) => one.startsWith(key));
          if (sort !== undefined) choices.sort = sort;
          else if (key === 'b') choices.by = levels[(levels.indexOf(choices.by) + 1) % levels.length] ?? choices.by;
          else return false;
          return true;
        },
      },
    );
    return 0;
  });
}

function tableLines(rows: readonly ServiceRow[], choices: Pick<TopOptions, 'by' | 'sort'>, io: Io): readonly Line[] {
  const { danger } = paintOf(io);
  return trafficTable(rows, choices).map(({ text, isMarked }) => (isMarked ? { text, paint: danger } : { text }));
}

interface Knowledge {
  readonly settings: Settings;
  readonly isSelected: IsSelected;
  /** undefined: any backend that has rules here. */
  readonly backend: string | undefined;
  readonly isNeeded: (family: Family) => boolean;
  /** Called at each look. note   why the requested shares are unknown */
  asked(): Promise<{ readonly ports: readonly AskedPort[]; readonly note?: string }>;
}

/** From files if some are given, else from the agent of this node. */
async function knowledge(targets: readonly string[], options: TopOptions, io: Io, here: Here): Promise<Knowledge> {
  const { filename } = options;
  if (filename !== undefined) {
    const wanted = await compileWanted({ ...options, filename }, io, here);
    await io.err(diagnosticsText(wanted.diagnostics, options.diagnostics, wanted.placeOf));
    const ports = families.flatMap((family) => wanted.targets[family].services.map(askedOf));
    return {
      settings: wanted.settings,
      isSelected: parseSelection(targets, options, wanted.input),
      backend: wanted.mode.backend.name,
      isNeeded: (family) => isUsed(wanted.targets[family]),
      asked: () => Promise.resolve({ ports }),
    };
  }
  if (options.selector !== undefined) {
    throw new UsageError(
      '--selector',
      'needs --filename: neither the kernel nor the agent knows the labels of Services',
    );
  }
  const first = await askAgent(options.address);
  return {
    settings: { ...defaultSettings, ...proxyIdentity(options) },
    isSelected: parseSelection(targets, options, { clusters: [] }),
    backend:
      options.backend ?? (typeof first === 'string' ? undefined : backendNames().find((name) => name === first.mode)),
    isNeeded: () => false,
    async asked() {
      const told = await askAgent(options.address);
      if (typeof told !== 'string') return { ports: told.asked };
      return { ports: [], note: `${told}, so the expected shares are unknown; give the objects with -f` };
    },
  };
}
