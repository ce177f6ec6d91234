import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDir } from '../../test/helpers/lock-dir.ts';
import { expectedFile } from '../../test/conformance/cases.ts';
import { parseAddress } from '../../compiler/values/address.ts';
import type { Host } from '../input/inputs.ts';
import { memoryIo } from '../terminal/memory-io.fixture.ts';
import { applyCommand } from './apply.ts';
import { auditCommand, type AuditOptions } from './audit.ts';
import { cartOf, createScratch, nodeOf, type Scratch } from './commands.fixture.ts';
import { compileCommand } from './compile.ts';
import { type Bench, bench } from './kernels.fixture.ts';

let scratch: Scratch;
beforeEach(() => {
  scratch = createScratch();
});
afterEach(() => {
  scratch.remove();
});

const here: Host = {
  name: 'east-1',
  addresses: [parseAddress('192.0.2.1')].filter((address) => address !== undefined),
};
const twin = (text: string, name: string, address: string) =>
  text.replaceAll('cart', name).replaceAll('10.96.0.10', address);
const manifests = [
  nodeOf('192.0.2.1'),
  cartOf('10.1.0.5', '10.1.0.6'),
  ...['a', 'b', 'c', 'd'].map((name, i) => twin(cartOf('10.1.0.7'), name, `10.96.0.2${i}`)),
].join('---');

async function audit(options: Partial<AuditOptions>, targets: readonly string[] = [], made: Bench = bench()) {
  const io = memoryIo(manifests);
  const all = { filename: ['-'], against: [], output: 'text', diagnostics: 'human', ...options } as const;
  const status = await auditCommand(targets, all, io, made.run, here);
  return { status, out: io.written.out, err: io.written.err.replace(/^info: .*\n/gm, '') };
}

/** What `compile` prints of IPv4, with some of it changed, as a dump. */
async function dump(change: (text: string) => string = (text) => text): Promise<string> {
  const io = memoryIo(manifests);
  await compileCommand({ filename: ['-'], diagnostics: 'human' }, io);
  return scratch.put('node.save', change(onlyIPv4(io.written.out)));
}

/** The document of IPv4 comes first. */
function onlyIPv4(text: string): string {
  const again = text.indexOf('*mangle', 1);
  return again > 0 ? text.slice(0, again) : text;
}

const stale = (text: string) => text.replace('--to-destination 10.1.0.5:8080', '--to-destination 10.1.0.99:8080');
const allStale = (text: string) => text.replaceAll('--to-destination 10.1.0.7:8080', '--to-destination 10.1.0.99:8080');

describe('slicewright audit --against', () => {
  it('says of each Service how it is, and of many that are alike once', async () => {
    const { status, out, err } = await audit({ against: [await dump()] });
    expect([status, err]).toEqual([0, '']);
    expect(out).toMatch(
      /^IPv4, iptables mode, \S+node\.save: 5 Services: 5 ok \(\d+ kinds of packets followed\)\n {2}SERVICE +STATUS +WHAT\n {2}5 Services \(shop\/a, shop\/b, shop\/c, …\) +ok\n\n$/,
    );
  });

  it('shows a packet, what should become of it, what does, and by which rules', async () => {
    const { status, out } = await audit({ against: [await dump(stale)] });
    expect(status).toBe(3);
    expect(out).toMatch(/5 Services: 4 ok, 1 wrong/);
    expect(out).toMatch(/\n {2}shop\/cart +wrong +goes to an address that is not an endpoint\n/);
    expect(out).toMatch(
      /\n {2}wrong: shop\/cart at 10\.96\.0\.10:80\/tcp, \d+ kinds of clients: goes to an address that is not an endpoint\n {4}\S.* -> 10\.96\.0\.10:80\/tcp\n {4}should be .*10\.1\.0\.5:8080.*\n {4}is {8}.*10\.1\.0\.99:8080.*\n {6}\S/,
    );
  });

  it('folds Services of one cause, and -o wide has a row for each', async () => {
    const against = [await dump(allStale)];
    const folded = await audit({ against });
    expect(folded.out).toMatch(
      /\n {2}4 Services \(shop\/a, shop\/b, shop\/c, …\) +wrong +goes to an address that is not an endpoint\n/,
    );
    expect(folded.out.match(/\n {2}wrong: /g)).toHaveLength(1);
    expect(folded.out).toContain('and 3 more places like it: -o wide or json has them');
    const wide = await audit({ against, output: 'wide' });
    expect(wide.out.match(/^ {2}shop\/\S+ +wrong /gm)).toHaveLength(4);
  });

  it('-o name has those that need a look, a line each', async () => {
    expect((await audit({ against: [await dump(stale)], output: 'name' })).out).toBe('shop/cart\n');
    expect((await audit({ against: [await dump()], output: 'name' })).out).toBe('');
  });

  it.each([
    [['shop/a'], {}, 0, 1],
    [['shop/cart:http'], {}, 3, 1],
    [[], { namespace: 'elsewhere' }, 0, 0],
    [['cart', 'b'], { namespace: 'shop' }, 3, 2],
  ] as const)('looks at %j with %j alone', async (targets, options, status, count) => {
    const found = await audit({ against: [await dump(stale)], output: 'json', ...options }, targets);
    const { families } = JSON.parse(found.out) as { families: readonly { services: readonly object[] }[] };
    expect([found.status, families.map(({ services }) => services.length)]).toEqual([status, [count]]);
  });

  it('has a document for programs', async () => {
    const { out } = await audit({ against: [await dump(stale)], output: 'json', to: 'nftables' });
    const finding = {
      ...{
        address: '10.96.0.10',
        protocol: 'TCP',
        port: 80,
        status: 'wrong',
        cause: 'goes to an address that is not an endpoint',
      },
      ...{ codes: [], notUnderstood: [], clients: expect.any(Number) },
      example: {
        packet: expect.stringContaining('-> 10.96.0.10:80/tcp'),
        wanted: expect.any(Array),
        found: expect.any(Array),
        rules: expect.any(Array),
      },
    };
    expect(JSON.parse(out)).toEqual({
      apiVersion: expect.stringMatching(/^slicewright\.dev\/v1/),
      kind: 'Audit',
      families: [
        {
          ...{ family: 'IPv4', mode: 'iptables', source: expect.stringMatching(/node\.save$/) },
          ...{ packets: expect.any(Number), summary: { ok: 4, known: 0, unknown: 0, wrong: 1 } },
          services: expect.arrayContaining([{ service: 'shop/cart', status: 'wrong', findings: [finding] }]),
          ...{ elsewhere: [], sampled: [], mayIntercept: [], notFollowed: [] },
          after: expect.objectContaining({
            mode: 'nftables',
            summary: { ok: 0, known: 4, unknown: 0, wrong: 1 },
          }),
        },
      ],
      knownDifferences: expect.arrayContaining([{ code: 'unused-ports', text: expect.any(String) }]),
    });
  });

  it('says what a move to another mode changes, with the codes explained', async () => {
    const { status, out } = await audit({ against: [await dump()], to: 'nftables' });
    expect(status).toBe(0);
    expect(out).toMatch(/\nIPv4, after a move to slicewright in nftables mode: 5 Services: 5 known difference\n/);
    expect(out).toMatch(/\nKnown differences:\n(?: {2}.*\n)* {2}unused-ports {2,}ports of a Service/);
  });

  it.each([
    ['what is no dump', 'hello\n', 'no-mode'],
    ['rules without any of a mode', '*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n', 'no-mode'],
  ])('refuses %s, and says why in each mode', async (_, text, code) => {
    const { status, out, err } = await audit({ against: [scratch.put('x', text)], diagnostics: 'json' });
    expect([status, out, JSON.parse(err.split('\n')[0] ?? '')]).toEqual([1, '', expect.objectContaining({ code })]);
    for (const mode of ['iptables', 'ipvs', 'nftables']) expect(err).toContain(`${mode} mode: `);
  });

  it('takes --backend for the mode of a dump that shows none', async () => {
    const against = [scratch.put('x', '*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n')];
    const { status, out } = await audit({ against, backend: 'iptables' });
    expect([status, out]).toEqual([3, expect.stringMatching(/5 Services: 5 wrong/)]);
  });
});

describe('slicewright audit --live', () => {
  it('finds the mode that is in force in the kernel, whoever made it, and changes nothing', async () => {
    for (const backend of ['iptables', 'ipvs', 'nftables']) {
      const made = bench();
      const apply = { filename: ['-'], backend, lockDir, diagnostics: 'human' } as const;
      expect(await applyCommand(apply, memoryIo(manifests), made.run, here)).toBe(0);
      const before = made.kernel.netfilter.save('IPv4') + made.nft.ruleset();
      const { status, out } = await audit({}, [], made);
      expect([status, out]).toEqual([
        0,
        expect.stringMatching(new RegExp(`^IPv4, ${backend} mode, the kernel .*5 ok`)),
      ]);
      expect(made.kernel.netfilter.save('IPv4') + made.nft.ruleset()).toBe(before);
    }
  });

  it('reads kube-proxy’s own table beside which slicewright does nothing', async () => {
    const made = bench(expectedFile('001-mcs-serve', 'expected.nft'));
    const { status, out } = await audit({}, [], made);
    expect([status, out]).toEqual([
      3,
      expect.stringMatching(/^IPv4, nftables mode, the kernel \(nftables\): 5 Services: 5 wrong/),
    ]);
  });

  it('cannot tell where nothing is in force', async () => {
    const { status, out, err } = await audit({});
    expect([status, out, err]).toEqual([1, '', expect.stringContaining('has no rules of any mode')]);
  });
});
