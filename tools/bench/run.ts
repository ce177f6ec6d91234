/**
 * What applying costs, as ratios to what the tool alone (iptables-restore, nft) takes for the same rules.
 *
 *     make bench [SIZES=1000,5000] [MODES=nft,legacy,nftables,ipvs]
 *
 * Figures that are compared come from one run, each load from an empty network namespace of its
 * own. Ratios mean something on any machine, milliseconds only on this one; those of CPU time
 * also on a busy machine. Nothing is judged: what is wanted stands beside what was measured.
 */
import { userInfo } from 'node:os';
import { probeSupport } from '../../test/netns/probe.ts';
import { ipvsAvailability } from '../../test/vm/availability.ts';
import { startIpvsMachine } from '../../test/vm/machine.ts';
import { compileObjects, wantedOf } from './cluster.ts';
import { measureNamed } from './by-name.ts';
import { type FileLoad, measureServers } from './in-machine.ts';
import { measureChange, measureCold, type Mode } from './measure.ts';
import { type Measured, slopeOf } from './meter.ts';
import { clusterObjects, endpointsOf, serviceObjects } from './objects.ts';

const endpointsEach = 5;
const changeRounds = 7;
/** Loads from nothing where one takes seconds. */
const coldRounds = 3;
/** Less than that is nothing to divide by. */
const leastBaseMs = 1;
const sizes = (process.env.SIZES ?? '1000,5000').split(',').map(Number);
const modes = (process.env.MODES ?? 'nft,legacy,nftables').split(',');
/** Backends whose whole text one tool loads. The other modes are those of iptables' tools. */
const loaders: Readonly<Record<string, readonly [string, ...string[]]>> = { nftables: ['nft', '-f', '-'] };

/** Those for a kernel with IPVS, whose files several tools load. */
const fileLoads: Readonly<Record<string, readonly FileLoad[]>> = {
  ipvs: [
    ['ipvsadm-save', 'ipvsadm', '-R'],
    ['ipset-save', 'ipset', 'restore'],
  ],
};

const { lacks } = await probeSupport();
if (lacks.namespaces !== undefined) {
  console.error(`It needs network namespaces, and this machine refuses them: ${lacks.namespaces}`);
  process.exit(1);
}
// In a user namespace the kernel bounds what nft mode may send at once, far below these sizes.
const isolation = userInfo().uid === 0 ? 'root' : 'user';
if (isolation === 'user') console.log('Without root, nft mode is refused transactions of this size.\n');

for (const mode of modes) {
  const loads = fileLoads[mode];
  if (loads !== undefined) {
    await benchServers(mode, loads);
    continue;
  }
  const load = loaders[mode];
  const why = lacks[load === undefined ? (mode as Mode) : 'nft'];
  if (why !== undefined) {
    console.log(`${mode}: not here: ${why}`);
    continue;
  }
  const changes: [number, Measured][] = [];
  for (const size of sizes) {
    changes.push([size, await (load === undefined ? benchSize(mode as Mode, size) : benchNamed(mode, load, size))]);
  }
  growth(changes);
}

/** All Services, and the same without one endpoint. */
function stateOf<State>(size: number, compile: (objects: readonly unknown[]) => State) {
  const objects = clusterObjects(size, endpointsEach);
  const last = size - 1;
  const all = compile(objects);
  const less = compile([
    ...objects.slice(0, -2),
    ...serviceObjects(last, endpointsOf(last, endpointsEach).slice(0, -1)),
  ]);
  return { all, less };
}

async function benchNamed(mode: string, load: readonly [string, ...string[]], size: number): Promise<Measured> {
  const { all, less } = stateOf(size, wantedOf);
  heading(`${mode}, ${size} Services × ${endpointsEach} endpoints`);
  const figures = await measureNamed(mode, load, isolation, [all, less], changeRounds);
  row(`raw ${load[0]}, one transaction`, figures.floor);
  row('cold apply', figures.cold, figures.floor, 'wanted: at most 1.5');
  row('  once more, elsewhere', figures.again, figures.floor);
  row(`one changed endpoint: raw ${load[0]} of its document`, figures.rawChange);
  row('  as the agent applies it', figures.change, figures.rawChange, 'wanted: at most 2');
  return figures.change;
}

/** On a kernel that has IPVS: where it is emulated, ratios alone mean something. */
async function benchServers(mode: string, loads: readonly FileLoad[]): Promise<void> {
  const { missing } = await ipvsAvailability();
  if (missing !== undefined) {
    console.log(`${mode}: not here: ${missing}`);
    return;
  }
  await using machine = await startIpvsMachine();
  for (const size of sizes) {
    const state = stateOf(size, wantedOf);
    heading(`${mode} (${machine.place}), ${size} Services × ${endpointsEach} endpoints`);
    const { floor, cold, change, counted } = await measureServers(
      machine,
      mode,
      loads,
      [state.all, state.less],
      coldRounds,
    );
    row(`raw ${loads.map(([, tool]) => tool).join(' and ')}, the same entries`, floor);
    row('cold apply', cold, floor, 'wanted: at most 1.5');
    const took = `${counted.processes} processes, ${counted.lines} lines at most`;
    row('one changed endpoint, as the agent applies it', change, floor, `${took}; wanted: 2 and 4`);
  }
}

async function benchSize(mode: Mode, size: number): Promise<Measured> {
  const { all, less } = stateOf(size, compileObjects);
  const lines = [...all.program.chains.values()].reduce((sum, chain) => sum + chain.lines.length, 0);
  heading(`${mode}, ${size} Services × ${endpointsEach} endpoints, ${lines} rules`);

  const cold = await measureCold(mode, isolation, all);
  row('raw restore, batches of 100 Services', cold.staged);
  row('raw restore, one transaction', cold.whole, cold.staged);
  row('cold apply', cold.apply, cold.staged, mode === 'nft' ? 'wanted: at most 2' : '');
  row('  of it reading back', cold.reading, cold.staged);

  const change = await measureChange(mode, isolation, [all, less], changeRounds);
  row('one changed endpoint: raw restore of its chain', change.raw);
  row('  as the agent applies it', change.delta, change.raw, mode === 'nft' ? 'wanted: at most 3' : '');
  row('  read before and after', change.full, change.raw);
  return change.delta;
}

/** How the part of slicewright in one change grows with the number of Services. */
function growth(changes: readonly (readonly [size: number, change: Measured])[]): void {
  const known = changes.flatMap(([size, cost]) => ('refused' in cost ? [] : [{ size, cost }]));
  const [ms, cpu] = (['ownMs', 'ownCpuMs'] as const).map((kind) =>
    slopeOf(known.map(({ size, cost }) => [size, cost[kind]])),
  );
  if (ms === undefined || cpu === undefined) return;
  const range = `${known[0]?.size} to ${known.at(-1)?.size} Services`;
  console.log(
    `slope of what one changed endpoint costs slicewright itself, ${range}: time ${ms.toFixed(2)}, CPU ${cpu.toFixed(2)}   wanted: at most 0.1`,
  );
}

function heading(text: string): void {
  const names = ['ms', 'ratio', 'of it own', 'CPU ms', 'ratio', 'of it own'];
  console.log(`${text}\n${''.padEnd(48)}${names.map((name) => name.padStart(10)).join('')}`);
}

function row(what: string, measured: Measured, base?: Measured, remark = ''): void {
  if ('refused' in measured) {
    console.log(`  ${what.padEnd(46)} refused: ${measured.refused}`);
    return;
  }
  const ratio = (kind: 'ms' | 'cpuMs') => {
    if (base === undefined || 'refused' in base || base[kind] < leastBaseMs) return '';
    return (measured[kind] / base[kind]).toFixed(2);
  };
  const figure = (value: number) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
  const columns = [
    ...[figure(measured.ms), ratio('ms'), figure(measured.ownMs)],
    ...[figure(measured.cpuMs), ratio('cpuMs'), figure(measured.ownCpuMs)],
  ];
  console.log(`  ${what.padEnd(46)}${columns.map((text) => text.padStart(10)).join('')}   ${remark}`.trimEnd());
}
