import { createColors } from 'picocolors';
import type { Io } from './io.ts';
import type { ReportPaint } from '../planning/report.ts';

/** Colours for a terminal, and none for anything else. */
export function paintOf(io: Io): ReportPaint {
  const { bold, green, red, yellow } = createColors(io.colour);
  return { heading: bold, added: green, removed: red, danger: yellow };
}
