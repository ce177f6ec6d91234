import { writeSync } from 'node:fs';
import pino from 'pino';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { formatDiagnostic } from '../../compiler/values/diagnostic.ts';
import { nowhere, type PlaceOf } from '../input/place.ts';
import { type DiagnosticFormat, placedText, placeFacts } from '../terminal/diagnostics.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { unreachable } from '../../compiler/values/unreachable.ts';
import type { AgentEvent, Report } from './agent-event.ts';

/** The interface of a log: facts, then a sentence. */
export interface Log {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/**
 * Writes lines to standard error, as kube-proxy does: each a JSON object, or a sentence.
 *
 * verbosity   kube-proxy's `-v`: from 4 on, lines for developers are included
 */
export function createLog(verbosity: number, format: DiagnosticFormat = 'json'): Log {
  const level = verbosity >= 4 ? 'debug' : 'info';
  if (format === 'human') return humanLog(level, () => new Date().toISOString(), writeOrLose);
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    // Words, because log stores show and filter by them; pino's own levels are numbers.
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, { write: writeOrLose });
}

/** `2026-01-01T00:00:00.000Z info: synced (family IPv4, depth full, lines 12)`. */
export function humanLog(level: 'debug' | 'info', now: () => string, write: (line: string) => void): Log {
  const at = (word: string) => (facts: object, message: string) => {
    const shown = Object.entries(facts).flatMap(([name, value]) =>
      value === undefined ? [] : `${name} ${factText(value)}`,
    );
    const rest = shown.length === 0 ? '' : ` (${shown.join(', ')})`;
    // A diagnostic's text already begins with the word.
    const said = message.startsWith(`${word}: `) ? message : `${word}: ${message}`;
    const [sentence = '', ...more] = said.split('\n');
    write([`${now()} ${sentence}${rest}`, ...more.map((line) => `  ${line}`), ''].join('\n'));
  };
  const debug = level === 'debug' ? at('debug') : () => {};
  return { debug, info: at('info'), warn: at('warning'), error: at('error') };
}

function factText(value: unknown): string {
  if (typeof value !== 'string') return printable(JSON.stringify(value) ?? '', 2000);
  return printable(value, 2000);
}

/** A full disk, or a reader that is gone, must not end the agent: lines that cannot be written are lost. */
function writeOrLose(line: string): void {
  try {
    writeSync(2, line);
  } catch {
    // There is no other place to report this.
  }
}

/** Rules shown of one drift; the rest is counted. */
const maxRules = 40;
/** Parts shown of one drift. */
const maxParts = 20;
/** How many diagnostics about objects are remembered, so that each is logged once. */
const maxRemarks = 10_000;

const heldMessage =
  'most slices of another cluster were deleted at once; the agent keeps using them for two minutes, in case that was a mistake';

/** Logs each diagnostic at the level of its severity, with its object's place in files. */
export function logDiagnostics(log: Log, diagnostics: readonly Diagnostic[], placeOf: PlaceOf = nowhere): void {
  for (const diagnostic of diagnostics) {
    const { severity, code } = diagnostic;
    const write = severity === 'error' ? log.error : severity === 'warning' ? log.warn : log.info;
    write.call(log, { code, ...placeFacts(diagnostic, placeOf) }, placedText(diagnostic, placeOf));
  }
}

/** Logs the agent's events: one line per sync, and a line for each event that someone may have to look at. */
export function logListener(log: Log, placeOf: PlaceOf = nowhere): Report {
  let said = new Set<string>();
  /** Remarks of each family's last sync: logged when they begin, not every time. */
  const remarked = new Map<string, ReadonlySet<string>>();
  let saidOfLeases = new Set<string>();
  const held = new Map<string, number>();
  const logSource = sourceLines(log);

  /** Logs diagnostics that are new; one that is gone for a while is logged again. Returns the present ones. */
  function remark(diagnostics: readonly Diagnostic[], said: ReadonlySet<string>): Set<string> {
    const now = new Set<string>();
    for (const diagnostic of diagnostics.slice(0, maxRemarks)) {
      if (diagnostic.severity === 'info') continue;
      const text = formatDiagnostic(diagnostic);
      now.add(text);
      if (!said.has(text)) logDiagnostics(log, [diagnostic], placeOf);
    }
    return now;
  }

  /** Slices vanish and are released one by one; only the beginning and the end are logged. */
  function logHeld({ cluster, count }: Extract<AgentEvent, { kind: 'slices-held' }>): void {
    const before = held.get(cluster) ?? 0;
    held.set(cluster, count);
    if (before === 0 && count > 0) log.warn({ event: 'slices-held', cluster, slices: count }, heldMessage);
    if (before > 0 && count === 0) log.info({ cluster }, 'the agent no longer holds deleted slices of the cluster');
  }

  return (event) => {
    switch (event.kind) {
      case 'source':
        return logSource(event);
      case 'waiting':
        return log.info(
          { for: event.for },
          'waiting: not all required sources have been read; no rules are written yet',
        );
      case 'ready':
        return log.info({}, 'all required sources have been read');
      case 'prepared':
        return logDiagnostics(log, event.problems);
      case 'changes':
        return log.debug({ ...event.taken, servicePorts: event.ports }, 'changes');
      case 'synced':
        logSync(log, event, remarked.get(event.family) ?? new Set());
        remarked.set(event.family, new Set(event.sync.remarks));
        return;
      case 'sync-failed': {
        const facts = { family: event.family, depth: event.depth, retryInMs: Math.round(event.retryInMs) };
        return log.error(facts, `sync failed: ${event.error.message}`);
      }
      case 'drift':
        return logDrift(log, event);
      case 'flushed':
        return log.warn(
          { family: event.family, event: 'flushed', missing: event.missing },
          `another program removed ${event.missing}; restoring it`,
        );
      case 'quarantined': {
        const { family, service, retryInMs } = event;
        const sentence = `the kernel rejects the rules of ${service}; its previous rules stay in force; all other Services are up to date`;
        return log.error({ family, service, retryInMs: Math.round(retryInMs) }, `${sentence}\n${event.message}`);
      }
      case 'released':
        return log.info(
          { family: event.family, service: event.service },
          'the kernel accepts the rules of the Service again',
        );
      case 'health-check-failed': {
        const { service, port, problem } = event;
        const text = `health check node port ${port} of ${service} cannot be opened: ${problem}`;
        return log.error({ event: 'FailedToStartServiceHealthcheck', service, port }, text);
      }
      case 'lease': {
        const write = event.state === 'Lost' || event.state === 'Suspect' ? log.warn : log.info;
        const facts = { cluster: event.cluster, ageMs: Math.round(event.ageMs) };
        return write.call(log, facts, `cluster is ${event.state}: ${event.why}`);
      }
      case 'lease-problems':
        saidOfLeases = remark(event.diagnostics, saidOfLeases);
        return;
      case 'slices-held':
        return logHeld(event);
      case 'removal-held':
        return log.error({ event: 'removal-held', services: event.services }, `no rules are written: ${event.why}`);
      case 'removal-released':
        return log.info({}, 'the first program no longer removes more Services than allowed; going on');
      case 'survey':
        said = remark(event.diagnostics, said);
        return;
      default:
        return unreachable(event);
    }
  };
}

/**
 * A server that cannot be reached has the same problem with each kind: it is logged once, and once more when all kinds can
 * be read again. Debug lines have the details.
 */
function sourceLines(log: Log): (event: Extract<AgentEvent, { kind: 'source' }>) => void {
  /** By source, the problem of each failing kind. */
  const failing = new Map<string, Map<string, string>>();
  return ({ cluster, from, objectKind, state }) => {
    const source = { cluster: cluster ?? 'local', from };
    const facts = { ...source, kind: objectKind };
    const key = `${source.cluster}\n${from}`;
    const problems = failing.get(key) ?? new Map<string, string>();
    failing.set(key, problems);
    if (state.kind === 'failing') {
      const isKnown = [...problems.values()].includes(state.problem);
      problems.set(objectKind, state.problem);
      const write = isKnown ? log.debug : log.warn;
      return write.call(log, facts, `cannot be read: ${printable(state.problem, 500)}`);
    }
    log.debug(facts, state.kind);
    const isRead = state.kind === 'live' || state.kind === 'absent';
    if (isRead && problems.delete(objectKind) && problems.size === 0) log.info(source, 'can be read again');
  };
}

/** Logs only the first parts, because they are enough: a flush changes all. */
function logDrift(log: Log, { family, chains }: Extract<AgentEvent, { kind: 'drift' }>): void {
  for (const { where, lost, added, stays } of chains.slice(0, maxParts)) {
    const facts = { family, event: 'drift', where, ...cut('lost', lost), ...cut('added', added) };
    const text = stays
      ? "other programs' rules come before slicewright's and may decide first; slicewright leaves them in place"
      : "another program changed slicewright's rules; restoring them";
    log.warn(facts, text);
  }
  const notShown = chains.length - maxParts;
  if (notShown > 0) log.warn({ family, event: 'drift', notShown }, 'more rules were changed; restoring them too');
}

function logSync(log: Log, event: Extract<AgentEvent, { kind: 'synced' }>, before: ReadonlySet<string>): void {
  const { family, sync, services, durationMs, latenciesMs } = event;
  const slowest = latenciesMs.reduce((most, ms) => Math.max(most, ms), 0);
  const facts = {
    family,
    depth: sync.depth,
    servicePorts: services.length,
    transactions: sync.documents,
    lines: sync.lines,
    ms: Math.round(durationMs),
    ...(latenciesMs.length === 0 ? {} : { changes: latenciesMs.length, slowestMs: Math.round(slowest) }),
    ...(sync.quarantined.length === 0 ? {} : { quarantined: sync.quarantined.length }),
  };
  // A sync that found nothing to change is not news.
  if (sync.documents > 0 || latenciesMs.length > 0) log.info(facts, 'synced');
  else log.debug(facts, 'synced');
  for (const text of sync.remarks) if (!before.has(text)) log.warn({ family }, text);
}

function cut(name: string, rules: readonly string[]): Record<string, unknown> {
  if (rules.length === 0) return {};
  const more = rules.length - maxRules;
  return { [name]: rules.slice(0, maxRules), ...(more > 0 ? { [`${name}NotShown`]: more } : {}) };
}
