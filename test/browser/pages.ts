import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { reportCommand, type ReportOptions } from '../../agent/commands/report.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import { clusterObjects } from '../../tools/bench/objects.ts';
import { endpoint, node, service, slice } from '../helpers/kubernetes.ts';

/** A folder with pages; its files are objects too. */
const folder = mkdtempSync(join(tmpdir(), 'slicewright-report-'));

export function listFile(name: string, items: readonly unknown[]): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  return path;
}

/** The address of a page that the command wrote. */
export async function pageOf(
  name: string,
  options: Partial<ReportOptions> & Pick<ReportOptions, 'filename'>,
): Promise<string> {
  const out = join(folder, name);
  const io = memoryIo();
  const status = await reportCommand([], { diagnostics: 'human', ...options, out }, io);
  if (status !== 0) throw new Error(io.written.err);
  return pathToFileURL(out).href;
}

/** Text that a parser of HTML or a loader could take for markup or code. */
export const hostileText =
  '"\'></title></style></script><script>alert(1)</script><img src="http://198.51.100.9/x" onerror=alert(2)>{{7*7}}';

const east = node('n1', { addresses: ['192.168.0.1'] });

const cart = (ready: readonly string[]) => [
  service(
    'cart',
    { type: 'NodePort', ports: [{ name: 'http', port: 80, protocol: 'TCP', nodePort: 30080 }] },
    { namespace: 'shop' },
  ),
  slice('cart', 'cart-x', [...ready, endpoint('10.1.1.9', { ready: false })], {
    namespace: 'shop',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  }),
];

/** Before: shop/cart with two endpoints, and shop/old. */
export const objectsBefore = [
  east,
  ...cart(['10.1.0.5', '10.1.0.6']),
  service('old', { clusterIP: '10.96.0.3' }, { namespace: 'shop' }),
  slice('old', 'old-x', ['10.1.0.8'], { namespace: 'shop' }),
];

/**
 * After: one endpoint of shop/cart has changed, shop/old is gone, test/idle is new, and default/strange holds hostile
 * texts.
 */
export const objectsAfter = [
  east,
  ...cart(['10.1.0.5', '10.1.0.7', '10.1.0.9']),
  service('idle', { clusterIP: '10.96.0.2' }, { namespace: 'test' }),
  service('strange', { clusterIP: '10.96.0.4', sessionAffinity: hostileText, externalIPs: [hostileText] }),
  slice('strange', 'strange-x', ['10.1.0.4', hostileText]),
];

export const manyObjects = clusterObjects(1000, 4);
