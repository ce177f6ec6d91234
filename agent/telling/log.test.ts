import { describe, expect, it } from 'vitest';
import { emptySync, type FamilySync } from '../../backends/plane/plane.ts';
import { type Log, logListener } from './log.ts';
import type { AgentEvent } from './agent-event.ts';

/** What a listener says of events: level, message and facts. */
function saidOf(...events: readonly AgentEvent[]) {
  const lines: { readonly level: string; readonly message: string; readonly facts: object }[] = [];
  const at = (level: string) => (facts: object, message: string) => void lines.push({ level, message, facts });
  const log: Log = { debug: () => {}, info: at('info'), warn: at('warn'), error: at('error') };
  const listen = logListener(log);
  for (const event of events) listen(event);
  return lines;
}

const nothing = emptySync('full');
const synced = (sync: Partial<FamilySync>, latenciesMs: readonly number[] = []): AgentEvent => ({
  kind: 'synced',
  family: 'IPv4',
  sync: { ...nothing, ...sync },
  services: [],
  durationMs: 12.3,
  latenciesMs,
  latenciesByCluster: new Map(),
  networkLatenciesMs: [],
});

describe('the log', () => {
  it('has one line for a sync that did something, and none for a look that found all well', () => {
    expect(saidOf(synced({}), synced({ documents: 2, lines: 9 }, [3, 40.2]))).toEqual([
      {
        level: 'info',
        message: 'synced',
        facts: {
          family: 'IPv4',
          depth: 'full',
          servicePorts: 0,
          transactions: 2,
          lines: 9,
          ms: 12,
          changes: 2,
          slowestMs: 40,
        },
      },
    ]);
  });

  it('says a remark when it begins, not with every sync', () => {
    const remarked = synced({ remarks: ['conntrack is not installed'] });
    expect(saidOf(remarked, remarked, synced({}), remarked).map(({ message }) => message)).toEqual([
      'conntrack is not installed',
      'conntrack is not installed',
    ]);
  });

  it('says of an object what is wrong once, until it was right in between', () => {
    const problem = {
      severity: 'warning',
      code: 'bad-port',
      object: { kind: 'Service', namespace: 'shop', name: 'cart' },
      message: 'port 0 is skipped',
    } as const;
    const survey = (...diagnostics: readonly (typeof problem)[]): AgentEvent => ({
      kind: 'survey',
      withoutSlices: [],
      diagnostics,
      endpoints: new Map(),
      slices: new Map(),
    });
    const lines = saidOf(survey(problem), survey(problem), survey(), survey(problem));
    expect(lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'warn warning: Service shop/cart: port 0 is skipped',
      'warn warning: Service shop/cart: port 0 is skipped',
    ]);
  });

  it('says of rules of others that they stay', () => {
    const part = { where: 'nat PREROUTING', lost: [], added: ['-A PREROUTING -j RETURN'], stays: true } as const;
    const [line] = saidOf({ kind: 'drift', family: 'IPv4', chains: [part] });
    expect(line).toMatchObject({
      facts: { added: ['-A PREROUTING -j RETURN'] },
      message: expect.stringMatching(/they stay/),
    });
  });

  it('names the exact rules of a drift, and counts those that are too many', () => {
    const lost = Array.from({ length: 50 }, (_, i) => `-A KUBE-SERVICES -d 10.0.0.${i} -j DROP`);
    const [line] = saidOf({ kind: 'drift', family: 'IPv6', chains: [{ where: 'nat KUBE-SERVICES', lost, added: [] }] });
    expect(line).toMatchObject({
      level: 'warn',
      facts: { event: 'drift', family: 'IPv6', where: 'nat KUBE-SERVICES', lost: lost.slice(0, 40), lostNotShown: 10 },
    });
  });
});
