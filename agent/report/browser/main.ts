import { isShown, type Question } from './match.ts';

/* Search, filters, and opening a Service. The page holds all content already; this script shows and hides it. */

const search = input('search');
const filters = [...document.querySelectorAll<HTMLSelectElement>('select')];
const status = found(document.getElementById('shown'));
const rows = [...document.querySelectorAll<HTMLTableRowElement>('tr.service')];
const byKey = new Map(rows.map((row) => [row.dataset['key'], row]));

function found<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('the page is not whole');
  return value;
}

function input(id: string): HTMLInputElement {
  return found(document.querySelector<HTMLInputElement>(`input#${id}`));
}

function question(): Question {
  const asked = Object.fromEntries(filters.map(({ id, value }) => [id, value]));
  const { namespace = '', cluster = '', state = '', diagnostics = '', change = '' } = asked;
  return { search: search.value, namespace, cluster, state, diagnostics, change };
}

function filter(): void {
  const asked = question();
  let shown = 0;
  for (const row of rows) {
    const isMeant = isShown(row.dataset, asked);
    row.hidden = !isMeant;
    const opened = openedOf(row);
    if (opened !== undefined) opened.hidden = !isMeant;
    if (isMeant) shown++;
  }
  status.textContent = shown === rows.length ? `${shown} Services` : `${shown} of ${rows.length} Services`;
  found(document.getElementById('none')).hidden = shown > 0 || rows.length === 0;
}

function buttonOf(row: HTMLTableRowElement): HTMLButtonElement {
  return found(row.querySelector('button'));
}

/** The row with a Service's details; undefined while it is closed. */
function openedOf(row: HTMLTableRowElement): HTMLTableRowElement | undefined {
  const next = row.nextElementSibling;
  return next instanceof HTMLTableRowElement && next.className === 'details' ? next : undefined;
}

function toggle(row: HTMLTableRowElement): void {
  const opened = openedOf(row);
  buttonOf(row).setAttribute('aria-expanded', String(opened === undefined));
  if (opened !== undefined) return opened.remove();
  const template = document.getElementById(`t${row.dataset['index']}`);
  if (template instanceof HTMLTemplateElement) row.after(document.importNode(template.content, true));
  // The details stand behind this script, so that a reader of the table does not wait for them.
  else if (document.readyState === 'loading') afterLoading(() => toggle(row));
}

function afterLoading(then: () => void): void {
  document.addEventListener('DOMContentLoaded', then, { once: true });
}

/** Opens the Service that the address names after its #, as `#shop/cart`, and scrolls to it. */
function followAddress(): void {
  const row = byKey.get(decoded(location.hash.slice(1)));
  if (row === undefined) return;
  if (row.hidden) clear();
  if (openedOf(row) === undefined) toggle(row);
  row.scrollIntoView();
  buttonOf(row).focus({ preventScroll: true });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function clear(): void {
  search.value = '';
  for (const one of filters) one.value = '';
  filter();
}

/** Moves from row to row, as in a list; closed rows count, hidden ones do not. */
function move(from: HTMLTableRowElement, key: string): boolean {
  const shown = rows.filter(({ hidden }) => !hidden);
  const at = shown.indexOf(from);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: shown.length - 1 }[key];
  const row = to === undefined ? undefined : shown[to];
  if (row === undefined) return false;
  buttonOf(row).focus();
  return true;
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { target, key } = event;
  const isTyping = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
  if (key === '/' && !isTyping) {
    event.preventDefault();
    search.focus();
  } else if (key === 'Escape' && target === search) {
    event.preventDefault();
    clear();
  } else if (target instanceof HTMLButtonElement) {
    const row = target.closest<HTMLTableRowElement>('tr.service');
    if (row !== null && move(row, key)) event.preventDefault();
  }
});
document.addEventListener('click', ({ target }) => {
  if (!(target instanceof Element)) return;
  const row = target.closest<HTMLTableRowElement>('tr.service');
  // Selecting text in a row must not open the row.
  if (row !== null && (target.closest('button') !== null || getSelection()?.isCollapsed !== false)) toggle(row);
  if (target.id === 'clear') clear();
});
search.addEventListener('input', filter);
for (const one of filters) one.addEventListener('change', filter);
addEventListener('hashchange', followAddress);
filter();
afterLoading(followAddress);
performance.mark('ready');
