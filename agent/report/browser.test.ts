import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pageScript, scriptModule } from '../../tools/precompile-templates.ts';
import { isShown, type Question } from './browser/match.ts';

const anything: Question = { search: '', namespace: '', cluster: '', state: '', diagnostics: '', change: '' };
const cart = {
  namespace: 'shop',
  clusters: 'this cluster\nwest',
  state: 'serves',
  worst: 'warning',
  change: 'changed',
  search: 'shop/cart shop/cart:http/tcp/ipv4 10.96.0.10:80 10.1.0.5:8080',
};

describe('a row of the table', () => {
  it.each<[string, Partial<Question>, boolean]>([
    ['nothing that is asked', {}, true],
    ['each word, wherever it is', { search: ' 8080  CART ' }, true],
    ['a word that is nowhere', { search: 'cart 10.9.' }, false],
    ['its namespace', { namespace: 'shop' }, true],
    ['a part of its namespace', { namespace: 'sho' }, false],
    ['one of its clusters', { cluster: 'west' }, true],
    ['a part of a cluster', { cluster: 'wes' }, false],
    ['its state', { state: 'serves' }, true],
    ['another state', { state: 'no endpoints' }, false],
    ['any diagnostic', { diagnostics: 'any' }, true],
    ['a warning', { diagnostics: 'worrying' }, true],
    ['an error', { diagnostics: 'error' }, false],
    ['any change', { change: 'any' }, true],
    ['its change', { change: 'changed' }, true],
    ['another change', { change: 'added' }, false],
    ['several, one of which it is not', { namespace: 'shop', state: 'no endpoints' }, false],
  ])('is asked for %s', (_what, question, shown) => {
    expect(isShown(cart, { ...anything, ...question })).toBe(shown);
  });

  it('without a diagnostic or a change has none', () => {
    const plain = { ...cart, worst: 'none', change: '' };
    expect(isShown(plain, { ...anything, diagnostics: 'any' })).toBe(false);
    expect(isShown(plain, { ...anything, change: 'any' })).toBe(false);
  });
});

it('the script of the page is made of its sources', async () => {
  expect(readFileSync(pageScript.module, 'utf8')).toBe(await scriptModule());
});
