import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { formatDiagnostic } from '../../compiler/values/diagnostic.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import type { ClusterEvent } from './event-limiter.ts';
import { readOnlySysfs } from '../node/hash-size.ts';
import type { AgentEvent } from './agent-event.ts';

type EventOf<K extends AgentEvent['kind']> = Extract<AgentEvent, { kind: K }>;

/** How many chains of one drift are named. */
const maxChains = 5;

/**
 * Turns the agent's events into Events with messages. A lasting state (a lost cluster, held slices, an address of
 * the wrong family) is reported when it begins, and where it matters when it ends.
 */
export function eventTeller(nodeName: string): (event: AgentEvent) => ClusterEvent[] {
  const node = { kind: 'Node', name: nodeName } as const;
  const lost = new Set<ClusterName>();
  const held = new Set<ClusterName>();
  const overLimit = new Set<string>();
  let wrongFamily = new Set<string>();

  const onNode = (type: ClusterEvent['type'], reason: string, message: string): ClusterEvent[] => [
    { reason, type, message, object: node },
  ];

  function leaseChanged({ cluster, state, why }: EventOf<'lease'>): ClusterEvent[] {
    if (state === 'Lost' && !lost.has(cluster)) {
      lost.add(cluster);
      return onNode('Warning', 'SourceClusterLost', `cluster ${cluster} is considered lost: ${why}`);
    }
    if (state === 'Lost' || state === 'Suspect' || !lost.delete(cluster)) return [];
    return onNode('Normal', 'SourceClusterBack', `cluster ${cluster} is back: ${why}`);
  }

  function sourceChanged({ cluster, objectKind, state }: EventOf<'source'>): ClusterEvent[] {
    const key = `${cluster ?? 'local'} ${objectKind}`;
    const from = cluster === undefined ? 'the local cluster' : `cluster ${cluster}`;
    if (state.kind === 'failing' && state.overLimit === true) {
      if (overLimit.has(key)) return [];
      overLimit.add(key);
      return onNode('Warning', 'SourceOverLimit', `${objectKind} of ${from}: ${state.problem}`);
    }
    // A source that cannot be read for a while may still be over its limits.
    if (state.kind === 'failing' || !overLimit.delete(key)) return [];
    return onNode('Normal', 'SourceWithinLimits', `${objectKind} of ${from} is within its limits again`);
  }

  function slicesHeld({ cluster, count }: EventOf<'slices-held'>): ClusterEvent[] {
    if (count === 0) {
      if (!held.delete(cluster)) return [];
      return onNode('Normal', 'SlicesReleased', `the agent no longer holds deleted slices of cluster ${cluster}`);
    }
    if (held.has(cluster)) return [];
    held.add(cluster);
    const message = `slices of cluster ${cluster} were deleted all at once; the agent keeps using them for two minutes, in case that was a mistake`;
    return onNode('Warning', 'SlicesHeld', message);
  }

  /** kube-proxy's message, once for as long as the address is there. */
  function survey(diagnostics: readonly Diagnostic[]): ClusterEvent[] {
    const now = new Set<string>();
    const said: ClusterEvent[] = [];
    for (const diagnostic of diagnostics) {
      const { code, about, object } = diagnostic;
      if (code !== 'endpoint-wrong-family' || about?.namespace === undefined || object.cluster !== undefined) continue;
      const text = formatDiagnostic(diagnostic);
      now.add(text);
      if (wrongFamily.has(text)) continue;
      said.push({
        reason: 'KubeProxyIncorrectIPVersion',
        type: 'Warning',
        action: 'GatherEndpoints',
        message: `incorrect IP version in endpointslice ${object.name}: ${diagnostic.message}`,
        object: { kind: 'Service', namespace: about.namespace, name: about.name },
      });
    }
    wrongFamily = now;
    return said;
  }

  return (event) => {
    switch (event.kind) {
      case 'ready':
        return onNode('Normal', 'Starting', 'slicewright follows the Services of this node');
      case 'quarantined':
      case 'released':
        return [judged(event, nodeName)];
      case 'health-check-failed': {
        const { service, port, problem } = event;
        const message = `node ${nodeName} failed to start healthcheck "${service}" on port ${port}: ${problem}`;
        const reason = 'FailedToStartServiceHealthcheck';
        return [{ reason, type: 'Warning', action: 'Listen', message, object: objectOf(service) }];
      }
      case 'prepared': {
        // kube-proxy reports this at the Node, too.
        const problem = event.problems.find(({ code }) => code === readOnlySysfs);
        return problem === undefined ? [] : onNode('Warning', 'readOnlySysFS', formatDiagnostic(problem));
      }
      case 'drift':
        return onNode('Warning', 'RulesChangedByOthers', driftText(event));
      case 'flushed': {
        const message = `${event.family}: another program removed ${event.missing}; restoring it`;
        return onNode('Warning', 'RulesChangedByOthers', message);
      }
      case 'lease':
        return leaseChanged(event);
      case 'source':
        return sourceChanged(event);
      case 'slices-held':
        return slicesHeld(event);
      case 'survey':
        return survey(event.diagnostics);
      default:
        return [];
    }
  };
}

function judged(event: EventOf<'quarantined' | 'released'>, nodeName: string): ClusterEvent {
  const [key = '', port] = event.service.split(':');
  const object = objectOf(key);
  const which = port === undefined ? '' : ` of port ${port}`;
  const where = `node ${nodeName} (${event.family})`;
  if (event.kind === 'released') {
    const message = `the kernel of ${where} accepts the rules${which} again`;
    return { reason: 'ServiceRulesAccepted', type: 'Normal', message, object };
  }
  const message = `the kernel of ${where} rejects the rules${which}; the previous rules stay in force: ${event.message}`;
  return { reason: 'ServiceRulesRefused', type: 'Warning', message, object };
}

/** `shop/cart`, or `shop/cart@clusterset`: a ServiceImport. */
function objectOf(key: string): ClusterEvent['object'] {
  const [namespace = '', text = ''] = key.split('/');
  const [name = '', set] = text.split('@');
  return { kind: set === undefined ? 'Service' : 'ServiceImport', namespace, name };
}

function driftText({ family, chains }: EventOf<'drift'>): string {
  const list = (some: typeof chains) => {
    const named = some
      .slice(0, maxChains)
      .map(({ where, lost, added }) => `${where}: ${lost.length} lost, ${added.length} added`);
    return [...named, ...(some.length > maxChains ? [`${some.length - maxChains} more`] : [])].join('; ');
  };
  const [ours, others] = [chains.filter(({ stays }) => stays !== true), chains.filter(({ stays }) => stays === true)];
  const texts = [
    ...(ours.length === 0 ? [] : [`another program changed slicewright's rules, restoring them: ${list(ours)}`]),
    ...(others.length === 0
      ? []
      : [`other programs' rules come before slicewright's and stay in place: ${list(others)}`]),
  ];
  return `${family}: ${texts.join('. ')}`;
}
