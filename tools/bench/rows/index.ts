import { agentFanInRow, agentRow } from './agent.ts';
import { applyRow } from './apply.ts';
import { changeRow, fanInRow } from './change.ts';
import { clustersRow, compileRow } from './compile.ts';
import { machineRow } from './machine.ts';
import type { Row } from './row.ts';
import { startupRow } from './startup.ts';

/** All of them, what is quick first. */
export const allRows: readonly Row[] = [
  ...[startupRow, compileRow, clustersRow, changeRow, fanInRow],
  ...[applyRow, agentRow, agentFanInRow, machineRow],
];
