import { cpus, loadavg, release, totalmem } from 'node:os';
import { spawnSync } from 'node:child_process';
import type { Figure } from './figures.ts';
import type { Row } from './rows/row.ts';

/** All measurements of one run, with the machine on which it ran: written as JSON. */
export interface Taking {
  /** In UTC. */
  readonly began: string;
  readonly seconds: number;
  readonly machine: Machine;
  readonly rows: readonly (Pick<Row, 'name' | 'about' | 'axis'> & { readonly figures: readonly Figure[] })[];
}

interface Machine {
  readonly processor: string;
  readonly processors: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
  /** `nftables v1.0.6`; empty where the tool is missing. */
  readonly tools: readonly string[];
  /** How many processes wanted to run, in the last minute. */
  readonly loadBefore: number;
  readonly loadAfter: number;
}

export function describeMachine(loadBefore: number): Machine {
  const version = (file: string) => {
    const { stdout } = spawnSync(file, ['--version'], { encoding: 'utf8' });
    return stdout ? [(stdout.split('\n')[0] ?? '').replace(/ \(.*/, '').trim()] : [];
  };
  return {
    processor: cpus()[0]?.model.trim() || 'unknown processor',
    processors: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.versions.node,
    tools: ['iptables-nft', 'nft'].flatMap(version),
    loadBefore: round(loadBefore),
    loadAfter: round(loadavg()[0] ?? 0),
  };
}

function round(load: number): number {
  return Math.round(load * 10) / 10;
}
