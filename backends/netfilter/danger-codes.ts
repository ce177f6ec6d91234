/** Codes of dangers of tables, and of other programs' rules in them. docs/commands.md explains them. */
export const tableDangerCodes = ['hook-missing', 'foreign-in-front', 'another-writer', 'two-modes'] as const;

export type TableDangerCode = (typeof tableDangerCodes)[number];
