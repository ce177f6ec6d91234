/** A table row's facts about its Service, as its data attributes hold them. */
export type RowFacts = Readonly<Record<string, string | undefined>>;

/** A reader's search and filters; an empty text matches every row. */
export interface Question {
  readonly search: string;
  readonly namespace: string;
  readonly cluster: string;
  readonly state: string;
  /** `any`: some diagnostic; `worrying`: a warning or an error; `error`: an error. */
  readonly diagnostics: string;
  /** `any`: any change. */
  readonly change: string;
}

/** Whether a row matches the search and all filters. Each word of the search has to be somewhere in the row. */
export function isShown(row: RowFacts, question: Question): boolean {
  const { namespace, cluster, state, diagnostics, change } = question;
  return (
    isOf(namespace, row['namespace']) &&
    (cluster === '' || (row['clusters'] ?? '').split('\n').includes(cluster)) &&
    isOf(state, row['state']) &&
    (diagnostics === '' || isWorseThan(row['worst'], diagnostics)) &&
    (change === 'any' ? row['change'] !== '' : isOf(change, row['change'])) &&
    wordsOf(question.search).every((word) => (row['search'] ?? '').includes(word))
  );
}

function isOf(asked: string, value: string | undefined): boolean {
  return asked === '' || asked === value;
}

function wordsOf(search: string): string[] {
  return search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
}

function isWorseThan(worst: string | undefined, asked: string): boolean {
  if (asked === 'any') return worst !== 'none';
  return worst === 'error' || (asked === 'worrying' && worst === 'warning');
}
