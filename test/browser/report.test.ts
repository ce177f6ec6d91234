import axe, { type AxeResults } from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { describeIn } from '../place.ts';
import { browserMissing, openBrowser, patienceMs } from './chromium.ts';
import { hostileText, listFile, manyObjects, objectsAfter, objectsBefore, pageOf } from './pages.ts';

const colorSchemes = ['light', 'dark'] as const;

/** A page that is open, and what happened in it that should not. */
interface Opened {
  readonly page: Page;
  /** Asked for beside the page itself, said in the console, thrown. */
  readonly troubles: string[];
}

describeIn('network namespace', await browserMissing(), 'the page of a report in Chromium', () => {
  let browser: Browser;
  let change: string;

  beforeAll(async () => {
    browser = await openBrowser();
    const [before, after] = [listFile('before.json', objectsBefore), listFile('after.json', objectsAfter)];
    change = await pageOf('change.html', { filename: [after], before: [before], title: hostileText });
  });
  afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
  afterAll(() => browser?.close());

  async function open(
    url: string,
    colorScheme: (typeof colorSchemes)[number] = 'light',
    width = 1280,
  ): Promise<Opened> {
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
    context.setDefaultTimeout(patienceMs);
    const page = await context.newPage();
    const troubles: string[] = [];
    page.on('request', (request) => {
      if (request.url() !== url.split('#')[0]) troubles.push(`asked for ${request.url()}`);
    });
    page.on('console', (message) => troubles.push(`said ${message.text()}`));
    page.on('pageerror', (error) => troubles.push(`threw ${error.message}`));
    page.on('dialog', (dialog) => {
      troubles.push(`opened ${dialog.message()}`);
      void dialog.dismiss();
    });
    await page.goto(url);
    return { page, troubles };
  }

  const shownKeys = (page: Page) => page.locator('tr.service:visible button').allTextContents();

  it('shows Services, and opens one with its graph, endpoints, rules and diagnostics', async () => {
    const { page, troubles } = await open(change);
    expect(await shownKeys(page)).toEqual(['default/strange', 'shop/cart', 'test/idle']);
    await page.getByRole('button', { name: 'shop/cart' }).click();
    const details = page.locator('tr.details');
    expect(await details.getByRole('img', { name: /way of traffic through shop\/cart:http/ }).textContent()).toContain(
      '10.1.0.7:8080',
    );
    expect(await details.locator('.endpoints tbody tr').count()).toBe(4);
    await details.getByText('Rules', { exact: true }).click();
    expect(await details.getByRole('region', { name: 'Rules of shop/cart:http/TCP/IPv4' }).innerText()).toContain(
      '-A KUBE-SEP-',
    );
    expect(await details.locator('.changes li').count()).toBeGreaterThan(0);
    await page.getByRole('button', { name: 'shop/cart' }).click();
    expect(await details.count()).toBe(0);
    expect(troubles).toEqual([]);
  });

  it('says what changes, and leads from there to the Service', async () => {
    const { page } = await open(change);
    const changes = page.getByRole('region', { name: 'What changes' });
    expect(await changes.innerText()).toMatch(/Plan: 2 Services to add, 1 to change, 1 to remove\./);
    await changes.getByRole('link', { name: 'shop/cart' }).first().click();
    await page.locator('tr.details').waitFor();
    expect(await page.evaluate('document.activeElement.textContent')).toBe('shop/cart');
    await changes
      .getByText(/Rules that differ/)
      .first()
      .click();
    expect(await changes.locator('pre .added').count()).toBeGreaterThan(0);
    expect(await changes.locator('pre .removed').count()).toBeGreaterThan(0);
  });

  it('finds and filters, and says how many are left', async () => {
    const { page } = await open(change);
    const [search, said] = [page.getByRole('searchbox', { name: 'Search' }), page.getByRole('status')];
    await search.fill('10.1.0.7');
    expect([await shownKeys(page), await said.textContent()]).toEqual([['shop/cart'], '1 of 3 Services']);
    await search.fill('nothing like it');
    expect(await page.getByText('No Service is like that.').isVisible()).toBe(true);
    await page.getByRole('button', { name: 'Clear' }).click();
    expect(await shownKeys(page)).toHaveLength(3);
    for (const [filter, value, keys] of [
      ['Namespace', 'test', ['test/idle']],
      ['Cluster', 'this cluster', ['default/strange', 'shop/cart']],
      ['State', 'no endpoints', ['test/idle']],
      ['Diagnostics', 'worrying', ['default/strange']],
      ['Change', 'changed', ['shop/cart']],
    ] as const) {
      await page.getByRole('combobox', { name: filter }).selectOption(value);
      expect([filter, await shownKeys(page)]).toEqual([filter, keys]);
      await page.getByRole('combobox', { name: filter }).selectOption('');
    }
  });

  it('can be used by keys alone', async () => {
    const { page, troubles } = await open(change);
    const focused = () => page.evaluate('document.activeElement.textContent');
    await page.keyboard.press('/');
    await page.keyboard.type('shop');
    expect(await shownKeys(page)).toEqual(['shop/cart']);
    await page.keyboard.press('Escape');
    expect(await shownKeys(page)).toHaveLength(3);
    await page.getByRole('button', { name: 'default/strange' }).focus();
    await page.keyboard.press('ArrowDown');
    expect(await focused()).toBe('shop/cart');
    await page.keyboard.press('Enter');
    expect(await page.locator('tr.details').count()).toBe(1);
    expect(await page.getByRole('button', { name: 'shop/cart' }).getAttribute('aria-expanded')).toBe('true');
    await page.keyboard.press('End');
    expect(await focused()).toBe('test/idle');
    await page.keyboard.press('Home');
    expect(await focused()).toBe('default/strange');
    expect(troubles).toEqual([]);
  });

  it('shows hostile texts as text', async () => {
    const { page, troubles } = await open(`${change}#default/strange`);
    await page.locator('tr.details').waitFor();
    expect(await page.title()).toContain('</script><script>alert(1)');
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain('onerror=alert(2)');
    expect(await page.locator('tr.details .diagnostics').innerText()).toContain('<script>alert(1)</script>');
    expect([await page.locator('img').count(), await page.locator('script').count()]).toEqual([0, 1]);
    expect(troubles).toEqual([]);
  });

  it('runs no script and loads nothing that somebody puts into it', async () => {
    const { page, troubles } = await open(change);
    const refused: string[] = [];
    page.on('requestfailed', (request) => refused.push(`${request.url()} ${request.failure()?.errorText}`));
    const outcome = await page.evaluate(`
      const image = document.createElement('img');
      const isDecided = new Promise((resolve) => (image.onerror = resolve));
      image.src = 'http://198.51.100.9/x.png';
      isDecided.then(() => {
        try {
          document.body.innerHTML = '<b>x</b>';
          return 'markup was made from text';
        } catch (error) {
          return error.name;
        }
      })`);
    expect(outcome).toBe('TypeError');
    expect(refused).toEqual(['http://198.51.100.9/x.png csp']);
    expect(troubles.join('\n')).toMatch(/Content Security Policy/);
  });

  describe.each(colorSchemes)('in %s', (colorScheme) => {
    it.each([1280, 400])('is readable for everyone, %i pixels wide', async (width) => {
      const { page } = await open(`${change}#shop/cart`, colorScheme, width);
      await page.locator('tr.details').waitFor();
      for (const summary of await page.locator('summary:visible').all()) await summary.click();
      await page.evaluate(axe.source);
      const { violations, passes } = await page.evaluate<AxeResults>(
        `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })`,
      );
      expect(
        violations.map(({ id, nodes }) => [
          id,
          nodes.map(({ html, failureSummary }) => [html.slice(0, 200), failureSummary]),
        ]),
      ).toEqual([]);
      expect(passes.length).toBeGreaterThan(20);
      // Only what is wide by itself scrolls sideways: the page does not.
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    });
  });

  it('with 1,000 Services answers at once', async () => {
    const url = await pageOf('many.html', { filename: [listFile('many.json', manyObjects)] });
    const { page, troubles } = await open(url);
    await page.getByRole('searchbox').fill('service-99 tcp');
    expect(await shownKeys(page)).toHaveLength(11);
    expect(await page.getByRole('status').textContent()).toBe('11 of 1000 Services');
    await page.getByRole('button', { name: 'bench/service-999' }).click();
    expect(await page.locator('tr.details svg text').count()).toBeGreaterThan(5);
    const readyMs = await page.evaluate<number>("performance.getEntriesByName('ready')[0].startTime");
    const searchMs = await page.evaluate<number>(`
      const box = document.querySelector('input');
      const start = performance.now();
      box.value = 'service-1';
      box.dispatchEvent(new Event('input'));
      document.body.getBoundingClientRect();
      performance.now() - start;`);
    console.log(
      `1,000 Services: ready for the first key after ${Math.round(readyMs)} ms, a search takes ${Math.round(searchMs)} ms`,
    );
    expect(await shownKeys(page)).toHaveLength(111);
    expect(troubles).toEqual([]);
  });
});
