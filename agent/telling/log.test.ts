import { describe, expect, it } from 'vitest';
import { emptySync, type FamilySync } from '../../backends/plane/plane.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import { humanLog, type Log, logDiagnostics, logListener } from './log.ts';
import type { AgentEvent } from './agent-event.ts';

/** A listener's lines for events: level, message and facts. */
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
    const [line] = saidOf({ kind: 'drift', family: 'IPv4', chains: [part], isFlush: false });
    expect(line).toMatchObject({
      facts: { added: ['-A PREROUTING -j RETURN'] },
      message: expect.stringMatching(/leaves them in place/),
    });
  });

  it('names the exact rules of a drift, and counts those that are too many', () => {
    const lost = Array.from({ length: 50 }, (_, i) => `-A KUBE-SERVICES -d 10.0.0.${i} -j DROP`);
    const [line] = saidOf({
      kind: 'drift',
      family: 'IPv6',
      chains: [{ where: 'nat KUBE-SERVICES', lost, added: [] }],
      isFlush: false,
    });
    expect(line).toMatchObject({
      level: 'warn',
      facts: { event: 'drift', family: 'IPv6', where: 'nat KUBE-SERVICES', lost: lost.slice(0, 40), lostNotShown: 10 },
    });
  });

  it('names some of the parts of a drift, and counts the others', () => {
    const chains = Array.from({ length: 50 }, (_, i) => ({ where: `nat KUBE-SVC-${i}`, lost: ['-A x'], added: [] }));
    const lines = saidOf({ kind: 'drift', family: 'IPv4', chains, isFlush: true });
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toMatchObject({ level: 'warn', facts: { event: 'drift', family: 'IPv4', notShown: 30 } });
  });

  describe('of a source', () => {
    const kinds = ['Service', 'EndpointSlice', 'Node', 'ServiceImport', 'ServiceExport'];
    const source = (objectKind: string, problem?: string, cluster?: string): AgentEvent => ({
      kind: 'source',
      cluster: cluster as ClusterName | undefined,
      from: 'https://10.0.0.1',
      objectKind,
      forgone: false,
      state: problem === undefined ? { kind: 'live' } : { kind: 'failing', problem },
    });
    const texts = (...events: readonly AgentEvent[]) =>
      saidOf(...events).map(
        ({ level, message, facts }) => `${level} ${(facts as { cluster: string }).cluster} ${message}`,
      );

    it('says once that it cannot be read, whatever kinds there are, and once that it can', () => {
      const [gone, slow] = ['connect ECONNREFUSED', 'no answer'];
      expect(
        texts(
          ...kinds.map((kind) => source(kind, gone)),
          ...kinds.map((kind) => source(kind, slow)),
          ...kinds.map((kind) => source(kind)),
        ),
      ).toEqual([
        `warn local cannot be read: ${gone}`,
        `warn local cannot be read: ${slow}`,
        'info local can be read again',
      ]);
    });

    it('says of each source, and of each problem, by itself', () => {
      const refused = source('ServiceImport', 'forbidden');
      expect(texts(source('Service', 'gone'), refused, source('Service', 'gone', 'west'), source('Service'))).toEqual([
        'warn local cannot be read: gone',
        'warn local cannot be read: forbidden',
        'warn west cannot be read: gone',
      ]);
      expect(texts(source('Service'), source('Node'))).toEqual([]);
    });
  });

  it('says where the object stands', () => {
    const object = { kind: 'Service', namespace: 'shop', name: 'cart' };
    const lines: [object, string][] = [];
    const log: Log = { debug() {}, info() {}, warn: (...line) => void lines.push(line), error() {} };
    logDiagnostics(log, [{ severity: 'warning', code: 'bad', object, message: 'm' }], () => ({
      file: 'shop.yaml',
      document: 2,
      line: 31,
    }));
    expect(lines).toEqual([
      [{ code: 'bad', file: 'shop.yaml', document: 2, line: 31 }, 'warning: Service shop/cart (shop.yaml:31): m'],
    ]);
  });

  it('can be written for people', () => {
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const quiet = humanLog('info', () => 'NOW', write);
    quiet.debug({}, 'not said');
    quiet.info({ family: 'IPv4', lines: 12, none: undefined }, 'synced');
    quiet.warn({ code: 'bad' }, 'warning: Service shop/cart: m\nthe kernel said no');
    humanLog('debug', () => 'NOW', write).debug({ missing: ['a\u001b[2J'] }, 'said');
    expect(lines).toEqual([
      'NOW info: synced (family IPv4, lines 12)\n',
      'NOW warning: Service shop/cart: m (code bad)\n  the kernel said no\n',
      'NOW debug: said (missing ["a\\u001b[2J"])\n',
    ]);
  });
});
