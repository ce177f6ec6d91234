// Writes the pictures of docs/review-a-change.md: tools/with-node node test/browser/pictures.ts
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { reportCommand } from '../../agent/commands/report.ts';
import { processIo } from '../../agent/terminal/io.ts';
import { openBrowser } from './chromium.ts';

const out = join(mkdtempSync(join(tmpdir(), 'pictures-')), 'change.html');
await reportCommand(
  [],
  {
    filename: ['examples/shop-next/'],
    before: ['examples/shop/'],
    node: 'examples/node.yaml',
    config: 'examples/kube-proxy.yaml',
    cluster: ['west=examples/west/'],
    registry: 'examples/clusters.yaml',
    title: 'shop: one endpoint of cart goes, stock gets its first',
    diagnostics: 'human',
    out,
  },
  processIo(),
);
const browser = await openBrowser();
for (const [colorScheme, height, opened] of [
  ['light', 780, undefined],
  ['dark', 860, '#shop/cart'],
] as const) {
  const page = await (await browser.newContext({ colorScheme, viewport: { width: 1120, height } })).newPage();
  await page.goto(`${pathToFileURL(out).href}${opened ?? ''}`);
  await page.evaluate('document.activeElement.blur()');
  await page.screenshot({ path: `docs/images/report-${colorScheme}.png` });
}
await browser.close();
