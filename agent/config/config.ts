import { defaultBackend } from '../../backends/index.ts';
import { type Compat, defaultSettings, type Settings } from '../../compiler/settings.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { InputError } from '../input/input-error.ts';
import { type Key, keys } from './keys.ts';
import { nearestPath } from './nearest.ts';
import { type AgentConfiguration, agentConfigurationFrom } from './agent.ts';
import { createReport, type Report, show } from './report.ts';
import { settingsFrom } from './settings.ts';
import { isUnset, isZeroValue, parseGates, parseMode, parseNodeName, types } from './values.ts';

/** What a KubeProxyConfiguration says, with the options of the command line already counted in. */
export interface Configuration {
  readonly settings: Settings;
  /** The name of a backend. */
  readonly backend: string;
  /** `hostnameOverride`; undefined when the file does not name the node. */
  readonly nodeName: string | undefined;
  /** The part that only the agent uses. */
  readonly agent: AgentConfiguration;
  /** Keys that have no effect here, by name. */
  readonly diagnostics: readonly Diagnostic[];
}

export interface Choices {
  readonly compat: Compat;
  /** undefined: the file's `mode` decides. */
  readonly backend: string | undefined;
  /** For the agent, which uses keys that commands which run once ignore. */
  readonly forAgent?: boolean;
}

/** The settings without a configuration file: kube-proxy v1.30's defaults. */
export function defaultConfiguration({ compat, backend }: Choices): Configuration {
  return {
    settings: { ...defaultSettings, compat },
    backend: backend ?? defaultBackend(),
    nodeName: undefined,
    agent: agentConfigurationFrom(() => undefined, backend ?? defaultBackend(), createReport('')),
    diagnostics: [],
  };
}

/**
 * The settings that one parsed document of a configuration file describes.
 *
 * file     its name, for messages
 * throws   InputError with every problem at once: another kind, unknown keys, values out of range
 */
export function parseConfiguration(document: unknown, file: string, choices: Choices): Configuration {
  const report = createReport(file);
  const leaves = new Map<string, unknown>();
  if (checkKind(document, report)) collectLeaves(document, '', leaves, report);
  for (const [path, value] of leaves) checkValue(path, value, report);
  const get = (path: string) => {
    const value = leaves.get(path);
    return value === '' ? undefined : value;
  };

  const mode = parseMode(get('mode'));
  const backend = choices.backend ?? mode ?? defaultBackend();
  const settings = settingsFrom(get, { compat: choices.compat, backend }, report);
  const agent = agentConfigurationFrom(get, backend, report);
  if (report.diagnostics.some(({ severity }) => severity === 'error')) throw new InputError(report.diagnostics);
  for (const [path, value] of leaves) reportWithoutEffect(path, value, backend, choices.forAgent === true, report);
  // The option asks for exactly that, so there is no warning.
  if (mode !== undefined && mode !== backend) report.info('mode', `--backend ${backend} overrides mode: ${mode}`);
  const nodeName = parseNodeName(get('hostnameOverride'));
  const { diagnostics } = report;
  return { settings, backend, nodeName: nodeName === '' ? undefined : nodeName, agent, diagnostics };
}

type Mapping = Readonly<Record<string, unknown>>;

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkKind(document: unknown, report: Report): document is Mapping {
  const { apiVersion, kind } = isMapping(document) ? document : {};
  if (kind !== 'KubeProxyConfiguration') {
    report.error('kind', `${show(kind ?? null)} is not KubeProxyConfiguration`);
  } else if (apiVersion !== 'kubeproxy.config.k8s.io/v1alpha1') {
    report.error('apiVersion', `${show(apiVersion ?? null)} is not kubeproxy.config.k8s.io/v1alpha1`);
  } else {
    return true;
  }
  return false;
}

const byPath: ReadonlyMap<string, Key> = new Map(keys.map((key) => [key.path, key]));

const suggestions: readonly string[] = keys.map(({ path }) => path.replace(/\.\*$/, ''));

function findKey(path: string): Key | undefined {
  const [section, ...below] = path.split('.');
  return byPath.get(path) ?? (below.length > 0 ? byPath.get(`${section}.*`) : undefined);
}

function isSection(path: string): boolean {
  return keys.some((key) => key.path.startsWith(`${path}.`));
}

/** Every known key in the file, by path. Unknown keys and sections that are not a mapping are reported. */
function collectLeaves(mapping: Mapping, prefix: string, leaves: Map<string, unknown>, report: Report): void {
  for (const [name, value] of Object.entries(mapping)) {
    const path = `${prefix}${name}`;
    if (path === 'apiVersion' || path === 'kind') continue;
    if (findKey(path) !== undefined) {
      leaves.set(path, value);
    } else if (isSection(path)) {
      if (isMapping(value)) collectLeaves(value, `${path}.`, leaves, report);
      else if (value !== null) report.error(path, `${show(value)} is not a mapping of keys to values`);
    } else {
      const meant = nearestPath(path, suggestions);
      report.error(path, `there is no such key${meant === undefined ? '' : `; did you mean ${meant}?`}`);
    }
  }
}

function checkValue(path: string, value: unknown, report: Report): void {
  const type = findKey(path)?.type ?? 'anything';
  if (isUnset(type, value) || types[type].parse(value) !== undefined) return;
  report.error(path, `${show(value)} is not ${types[type].wanted}`);
}

/** Feature gates of kube-proxy that change rules. All others are reported, because someone set them for a reason. */
const knownGates: readonly string[] = ['ServiceTrafficDistribution'];

function reportWithoutEffect(path: string, value: unknown, backend: string, forAgent: boolean, report: Report): void {
  const effect = findKey(path)?.effect;
  if (path === 'featureGates') {
    // Switching a gate off is a choice too: its default may be on.
    for (const gate of Object.keys(parseGates(value) ?? {}).filter((name) => !knownGates.includes(name))) {
      report.warning(`featureGates.${gate}`, 'has no effect: slicewright does not use it');
    }
  } else if (effect === undefined || isZeroValue(value)) {
    return;
  } else if (effect.kind === 'inert') {
    report.warning(path, `${show(value)} has no effect: ${effect.why}`);
  } else if (effect.kind === 'agent' && !forAgent) {
    report.info(path, `${show(value)} has no effect on a command that runs once, only on the agent`);
  } else if (effect.backend !== undefined && effect.backend !== backend) {
    report.info(path, `${show(value)} has no effect with the ${backend} backend, only with ${effect.backend}`);
  }
}
