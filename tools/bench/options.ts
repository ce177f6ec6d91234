import { allModes, type BenchMode } from './modes.ts';

/** The settings that the environment chooses for every row. */
export interface Options {
  /** The numbers of Services and of clusters for rows that are measured over them; undefined: each row's own. */
  readonly sizes: readonly number[] | undefined;
  readonly clusters: readonly number[] | undefined;
  /** undefined: all. */
  readonly rows: readonly string[] | undefined;
  readonly modes: readonly BenchMode[];
  /** How often each quantity is measured. */
  readonly rounds: number;
  /** How many changes of one endpoint an agent gets, one after another. */
  readonly changes: number;
  /** Where JSON, plots and tables are written. */
  readonly folder: string;
}

/** throws   for an invalid number or an unknown mode */
export function readOptions(environment: NodeJS.ProcessEnv): Options {
  const list = (name: string) => (environment[name] ?? '').split(/[ ,]+/).filter((word) => word !== '');
  const count = (word: string, name: string) => {
    if (!/^[1-9]\d*$/.test(word)) throw new Error(`${name}: "${word}" is not a whole number above 0`);
    return Number(word);
  };
  const counts = (name: string) => {
    const found = list(name).map((word) => count(word, name));
    return found.length > 0 ? found : undefined;
  };
  const rows = list('ROWS');
  const modes = list('MODES').map((word) => {
    const mode = allModes.find(({ name }) => name === word);
    if (mode === undefined)
      throw new Error(`MODES: "${word}" is none of ${allModes.map(({ name }) => name).join(', ')}`);
    return mode;
  });
  return {
    sizes: counts('SIZES'),
    clusters: counts('CLUSTERS'),
    rows: rows.length > 0 ? rows : undefined,
    modes: modes.length > 0 ? modes : allModes,
    rounds: count(environment.ROUNDS ?? '3', 'ROUNDS'),
    changes: count(environment.CHANGES ?? '60', 'CHANGES'),
    folder: environment.OUT ?? '.cache/bench',
  };
}
