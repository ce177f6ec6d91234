import { agentFanInRow, agentRow } from './agent.ts';
import { applyRow } from './apply.ts';
import { changeRow, fanInRow } from './change.ts';
import { clustersRow, compileRow } from './compile.ts';
import { machineRow } from './machine.ts';
import type { Row } from './row.ts';
import { startupRow } from './startup.ts';

/** All rows, the quick ones first. */
export const allRows: readonly Row[] = [
  ...[startupRow, compileRow, clustersRow, changeRow, fanInRow],
  ...[applyRow, agentRow, agentFanInRow, machineRow],
];
