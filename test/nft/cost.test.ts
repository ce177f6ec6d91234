import { describe, expect, it } from 'vitest';
import { createServiceTable } from '../../agent/loop/service-table.ts';
import type { Run } from '../../backends/command.ts';
import type { Target } from '../../backends/target.ts';
import { createCompiler } from '../../compiler/incremental.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import { node, service, slice } from '../helpers/kubernetes.ts';
import { planeOf } from '../helpers/scope.ts';
import { changesOf } from '../helpers/told.ts';

/* What one change costs, counted: nothing of it may grow with the number of Services. */

const context = { settings: defaultSettings, nodeName: 'n1', localAddresses: undefined };
const put = (...objects: readonly unknown[]) =>
  changesOf(
    objects.map((object) => ({ object, gone: false })),
    context,
  );

function objectsOf(i: number, endpoints: readonly string[], protocol = 'TCP'): unknown[] {
  const ports = [{ name: 'http', protocol, port: 80, targetPort: 8080 }];
  return [
    service(`s${i}`, { clusterIP: `10.96.${i >> 8}.${i & 255}`, ports }),
    slice(`s${i}`, `s${i}-x`, endpoints, { ports: [{ name: 'http', protocol, port: 8080 }] }),
  ];
}

/** A list that counts how often one of its Service ports is looked at. */
function watched<T extends readonly unknown[]>(list: T): { readonly list: T; readonly looks: () => number } {
  let looks = 0;
  const proxy = new Proxy(list, {
    get(target, key, receiver) {
      if (typeof key === 'string' && /^\d+$/.test(key)) looks++;
      return Reflect.get(target, key, receiver) as unknown;
    },
  });
  return { list: proxy, looks: () => looks };
}

/** What becomes of a change of the first Service in a cluster of so many. */
async function costOf(services: number, protocol: string, countsTraffic = false) {
  const documents: string[] = [];
  const run: Run = async (file, args, input = '') => {
    if (args[0] === '-f') documents.push(input);
    const isMissing = file === 'nft' && args[0] === 'list';
    return isMissing
      ? { exitCode: 1, stdout: '', stderr: 'Error: No such file or directory\n' }
      : { exitCode: 0, stdout: '', stderr: '' };
  };
  const compiler = createCompiler({ ...context, settings: { ...defaultSettings, countsTraffic } });
  const table = createServiceTable();
  const others = Array.from({ length: services }, (_, i) => objectsOf(i, ['10.1.0.1', '10.1.0.2'], protocol)).flat();
  table.apply(compiler.apply(put(node('n1', { addresses: ['192.168.0.1'] }), ...others)));
  const plane = planeOf('nftables', { run });
  const first = watched(table.of('IPv4').services);
  const contexts = compiler.node().IPv4;
  await plane.sync({ services: first.list, node: contexts }, 'full');
  const looksAtStart = first.looks();
  documents.length = 0;

  const changes = compiler.apply(put(...objectsOf(0, ['10.1.0.1', '10.1.0.3', '10.1.0.4'], protocol)));
  table.apply(changes);
  const next = watched(table.of('IPv4').services);
  const wanted: Target = {
    services: next.list,
    node: contexts,
    since: { services: first.list, changes: table.of('IPv4').since.changes },
  };
  const sync = await plane.sync(wanted, 'delta');
  expect(sync).toMatchObject({ depth: 'delta', documents: 1, remarks: [] });
  return {
    looksAtStart,
    ports: changes.size,
    looks: first.looks() - looksAtStart + next.looks(),
    lines: sync.lines,
    bytes: documents.join('').length,
  };
}

describe.each(['TCP', 'UDP'])('one changed Service of %s in nftables mode', (protocol) => {
  it('has as many Service ports looked at, lines and bytes written among 2,500 Services as among 500', async () => {
    const [few, many] = [await costOf(500, protocol), await costOf(2_500, protocol)];
    expect(few.looksAtStart).toBeGreaterThan(0);
    expect(few.ports).toBe(1);
    expect(few.looks).toBe(0);
    expect({ ...many, looksAtStart: few.looksAtStart }).toEqual(few);
  });

  it('costs the same where rules count', async () => {
    expect(await costOf(100, protocol, true)).toEqual(await costOf(100, protocol));
  });
});
