import { expect, it, vi } from 'vitest';
import { startApiDouble } from '../../test/apiserver/double.ts';
import { resources } from '../../test/apiserver/resources.ts';
import { kubeconfigFor } from '../../test/agent/field.ts';
import { clusterEventsListener } from './cluster-events.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import type { AgentEvent } from './agent-event.ts';
import { openApi } from '../sources/api.ts';
import { eventually } from '../../test/helpers/eventually.ts';

const refused: AgentEvent = {
  kind: 'quarantined',
  family: 'IPv4',
  service: 'shop/cart:http',
  message: '-A KUBE-SVC-X -j KUBE-SEP-Y\niptables-restore: refused',
  retryInMs: 30_000,
};
const facts = { nodeName: 'n1', wallMs: () => Date.parse('2026-01-01T00:00:00Z'), nowMs: () => 0 };
const events = resources.find(({ plural }) => plural === 'events');

it('a Service that the kernel rejects has an Event that says so', async () => {
  const double = await startApiDouble();
  const api = openApi(kubeconfigFor(double));
  const onFailure = vi.fn<(problem: string) => void>();
  const listen = clusterEventsListener(api.post, facts, onFailure);
  listen(refused);
  listen({ kind: 'released', family: 'IPv4', service: 'shop/cart:http' });
  const stored = () => (events === undefined ? [] : double.store.list(events));
  await eventually(() => expect(stored()).toHaveLength(2));
  expect(
    stored().map(({ reason, type, involvedObject, message }) => ({ reason, type, involvedObject, message })),
  ).toEqual(
    expect.arrayContaining([
      {
        reason: 'ServiceRulesRefused',
        type: 'Warning',
        involvedObject: { apiVersion: 'v1', kind: 'Service', namespace: 'shop', name: 'cart' },
        message: expect.stringMatching(/node n1 \(IPv4\) rejects the rules of port http; .*KUBE-SVC-X/),
      },
      expect.objectContaining({ reason: 'ServiceRulesAccepted', type: 'Normal' }),
    ]),
  );
  expect(onFailure).not.toHaveBeenCalled();
  api.close();
  await double.close();
});

it('a source that sends more than it may has an Event on the Node, and one when it is within its limits again', async () => {
  const double = await startApiDouble();
  const api = openApi(kubeconfigFor(double));
  const listen = clusterEventsListener(api.post, facts, () => {});
  const source = (state: Extract<AgentEvent, { kind: 'source' }>['state']): AgentEvent => ({
    ...{ kind: 'source', cluster: 'west' as ClusterName, from: 'x', objectKind: 'Service', forgone: false, state },
  });
  const over = { kind: 'failing', problem: 'the source has more than 5 objects', overLimit: true } as const;
  for (const state of [over, over, { kind: 'failing', problem: 'reset' }, over, { kind: 'live' }] as const) {
    listen(source(state));
  }
  const stored = () => (events === undefined ? [] : double.store.list(events));
  await eventually(() => expect(stored()).toHaveLength(2));
  expect(
    stored()
      .map(({ type, reason, message }) => [type, reason, message].join(' '))
      .sort(),
  ).toEqual([
    'Normal SourceWithinLimits Service of cluster west is within its limits again',
    'Warning SourceOverLimit Service of cluster west: the source has more than 5 objects',
  ]);
  api.close();
  await double.close();
});

it('an API server that does not want an Event is asked once', async () => {
  const double = await startApiDouble();
  double.faults = { forbidden: ['events'] };
  const api = openApi(kubeconfigFor(double));
  const onFailure = vi.fn<(problem: string) => void>();
  clusterEventsListener(api.post, facts, onFailure)(refused);
  await eventually(() => expect(onFailure).toHaveBeenCalledWith('the API server answered 403'));
  expect(double.requests).toHaveLength(1);
  api.close();
  await double.close();
});

it('a node whose /sys is read-only has the Event that kube-proxy gives it', async () => {
  const double = await startApiDouble();
  const api = openApi(kubeconfigFor(double));
  const listen = clusterEventsListener(api.post, facts, () => {});
  const problem = (code: string, message: string) =>
    ({ severity: 'warning', code, object: { kind: 'file', name: 'hashsize' }, message }) as const;
  listen({ kind: 'prepared', problems: [problem('conntrack-setting', 'not this one')] });
  listen({ kind: 'prepared', problems: [problem('read-only-sysfs', 'could not be raised: Read-only file system')] });
  const stored = () => (events === undefined ? [] : double.store.list(events));
  await eventually(() => expect(stored()).not.toEqual([]));
  expect(stored()).toEqual([
    expect.objectContaining({
      reason: 'readOnlySysFS',
      type: 'Warning',
      involvedObject: { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'n1' },
      message: 'warning: file hashsize: could not be raised: Read-only file system',
    }),
  ]);
  api.close();
  await double.close();
});
