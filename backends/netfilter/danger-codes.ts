/** Codes of dangers of tables, and of what stands in them besides. docs/commands.md says what they mean. */
export const tableDangerCodes = ['hook-missing', 'foreign-in-front', 'another-writer', 'two-modes'] as const;

export type TableDangerCode = (typeof tableDangerCodes)[number];
