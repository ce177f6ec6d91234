import { createServiceTable } from '../../../agent/loop/service-table.ts';
import { loadMode } from '../../../backends/index.ts';
import type { Run } from '../../../backends/command.ts';
import type { Depth, FamilySync } from '../../../backends/plane/plane.ts';
import type { ClusterObjects } from '../../../compiler/compile.ts';
import type { PortChanges } from '../../../compiler/engine.ts';
import { createCompiler } from '../../../compiler/incremental.ts';
import { emptyRegistry, type Registry } from '../../../compiler/registry/registry.ts';
import { defaultSettings } from '../../../compiler/settings.ts';
import { changesOf, type WrittenChange } from '../../../test/helpers/told.ts';
import { type BenchMode, type Command, noting, planeIn, runAll } from '../modes.ts';

/** A node that is up to date and receives changes: the agent's way from objects to the kernel, without its clock. */
export interface LiveNode {
  /** Parses, compiles, plans and applies, without reading the kernel's state. */
  tell(written: readonly WrittenChange[]): Promise<FamilySync>;
  register(registry: Registry): Promise<FamilySync>;
  /** The commands with documents since the last call. */
  takeCommands(): readonly Command[];
}

export async function bringUp(
  mode: BenchMode,
  run: Run,
  clusters: readonly ClusterObjects[],
  registry: Registry = emptyRegistry,
): Promise<LiveNode> {
  const context = { settings: defaultSettings, nodeName: 'bench', localAddresses: undefined, registry };
  const compiler = createCompiler(context);
  const table = createServiceTable();
  const noted = noting(run);
  if (mode.choose !== undefined) await runAll(run, [mode.choose]);
  const plane = planeIn(await loadMode(mode.backend), noted.run);

  async function sync(ports: PortChanges, depth: Depth): Promise<FamilySync> {
    table.apply(ports);
    const done = await plane.sync({ ...table.of('IPv4'), node: compiler.node().IPv4 }, depth);
    if (done.depth !== depth) throw new Error(`a ${depth} sync became a ${done.depth} one`);
    return done;
  }
  const tell = (written: readonly WrittenChange[], depth: Depth) =>
    sync(compiler.apply(changesOf(written, context)), depth);

  const written = clusters.flatMap(({ cluster, objects }) =>
    objects.map((object) => ({ cluster, object, gone: false })),
  );
  await tell(written, 'full');
  noted.take();
  return {
    tell: (changes) => tell(changes, 'delta'),
    register: (next) => sync(compiler.register(next), 'delta'),
    takeCommands: noted.take,
  };
}
