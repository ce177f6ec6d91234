import { assemble } from '../../backends/assemble.ts';
import { iptables } from '../../backends/iptables/index.ts';
import { ownChains } from '../../test/helpers/scope.ts';
import { createFakeKernel, type FakeKernel } from '../../backends/netfilter/fake/kernel.ts';
import { besideOthers, withMark } from '../../backends/netfilter/ownership.ts';
import { parseSave } from '../../backends/netfilter/text/parse.ts';
import { createChangeReader } from '../../compiler/change.ts';
import { createCompiler } from '../../compiler/incremental.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import { compileObjects } from '../../test/helpers/compile.ts';
import { modeOf, planeOf } from '../../test/helpers/scope.ts';
import { createFirstLook } from '../planning/first-look.ts';
import { told } from '../../test/helpers/told.ts';
import { findDrift } from '../../backends/netfilter/diff/drift.ts';
import type { Run } from '../../backends/command.ts';
import { sleep } from './clock.ts';
import { createTestClock, type TestClock } from './clock.fixture.ts';
import type { LoopTimes } from './family-loop.ts';
import { runLoop } from './loop.ts';
import type { AgentEvent } from '../telling/agent-event.ts';
import { createSourceBoard } from '../sources/board.ts';
import type { ReflectorState } from '../sources/reflector-options.ts';
import type { Source } from '../sources/source.ts';

const quick: LoopTimes = { gapMs: 0, resyncMs: 60_000, glanceMs: 60_000, retry: { firstMs: 5, maxMs: 20 } };

/** The loop on a fake kernel, with sources and a clock that a test controls. */
export interface Bench {
  readonly clock: TestClock;
  readonly kernel: FakeKernel;
  readonly events: readonly AgentEvent[];
  /** Reports changes in a cluster; absent: the local one. */
  tell(changes: readonly { readonly object: unknown; readonly gone: boolean }[], cluster?: ClusterName): void;
  state(state: ReflectorState, cluster?: ClusterName): void;
  /** slicewright's rules in the kernel that differ from a fresh compilation of these objects. */
  differences(objects: readonly unknown[], clusters?: Readonly<Record<string, readonly unknown[]>>): string[];
  of<K extends AgentEvent['kind']>(kind: K): Extract<AgentEvent, { kind: K }>[];
  stop(): Promise<void>;
}

export interface BenchOptions {
  readonly kernel?: FakeKernel;
  readonly remotes?: readonly ClusterName[];
  readonly remoteWaitMs?: number;
  readonly times?: Partial<LoopTimes>;
  readonly takeOver?: boolean;
  /** The check of an agent that starts from a folder. */
  readonly isGuarded?: boolean;
  /** How long each command takes. */
  readonly commandMs?: number;
}

export function startBench(options: BenchOptions = {}): Bench {
  const kernel = options.kernel ?? createFakeKernel();
  const events: AgentEvent[] = [];
  const stop = new AbortController();
  const clock = createTestClock();
  const run: Run = async (...command) => {
    if (options.commandMs !== undefined) await sleep(clock, options.commandMs, new AbortController().signal);
    return kernel.run(...command);
  };
  const sources: Source[] = [undefined, ...(options.remotes ?? [])].map((cluster) => ({
    cluster,
    from: cluster ?? 'own',
    run: () => Promise.resolve(),
  }));
  const context = { settings: defaultSettings, nodeName: 'n1', localAddresses: undefined };
  const board = createSourceBoard(sources, createChangeReader(context), clock, options.remoteWaitMs ?? 60_000);
  const sinkOf = (cluster: ClusterName | undefined) => {
    const source = sources.find((one) => one.cluster === cluster);
    if (source === undefined) throw new Error(`no source for ${cluster}`);
    return board.sinkOf(source);
  };
  for (const { cluster } of sources) sinkOf(cluster).state('everything', { kind: 'starting' });
  const running = runLoop(
    {
      board,
      compiler: createCompiler(context),
      planes: families.map((family) =>
        planeOf('iptables', {
          family,
          run,
          nowMs: clock.nowMs,
          takeOver: options.takeOver ?? false,
          delayTimes: { firstMs: 20, maxMs: 100 },
        }),
      ),
      clock,
      times: { ...quick, ...options.times },
      report: (event) => void events.push(event),
      ...(options.isGuarded === true && {
        firstLook: createFirstLook({
          ...{ run, mode: modeOf('iptables'), settings: defaultSettings },
          ...{ takeOver: options.takeOver ?? false, threshold: 50 },
        }),
      }),
    },
    stop.signal,
  );

  return {
    clock,
    kernel,
    events,
    tell: (changes, cluster) => sinkOf(cluster).change(changes.flatMap(({ object, gone }) => told(object, gone))),
    state: (state, cluster) => sinkOf(cluster).state('everything', state),
    differences(objects, clusters = {}) {
      const compilation = compileObjects(objects, { clusters });
      return families.flatMap((family) => differencesOf(kernel, family, compilation));
    },
    of: (kind) => events.filter((event) => event.kind === kind) as never,
    async stop() {
      stop.abort();
      let isOver = false;
      void running.finally(() => (isOver = true)).catch(() => {});
      // A command may be running, and takes its time.
      await clock.until(() => {
        if (!isOver) throw new Error('the loop does not stop');
      });
      await running;
    },
  };
}

function differencesOf(kernel: FakeKernel, family: Family, compilation: ReturnType<typeof compileObjects>): string[] {
  const services = compilation.services[family];
  const node = compilation.node[family];
  const { ruleset, foreign } = parseSave(kernel.save(family), family, withMark(ownChains).isOurs);
  const used = services.length > 0 || node.addresses.length > 0;
  const { program } = assemble(iptables, services, node);
  return findDrift(besideOthers(used ? program : undefined, ruleset, foreign, node.chainPrefix), ruleset).map(
    ({ where, lost, added }) =>
      `${where}: ${[...lost.map((line) => `- ${line}`), ...added.map((line) => `+ ${line}`)].join(' ')}`,
  );
}
