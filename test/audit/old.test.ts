import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { auditFiles, findingsIn, servicesThatAre } from './dumps.ts';

const old = fileURLToPath(new URL('old/', import.meta.url));
const dumpOf = (file: string, change: (text: string) => string = (text) => text) =>
  new Map([[file, change(readFileSync(`${old}${file}`, 'utf8'))]]);

describe('what a kube-proxy before 1.24 left: KUBE-XLB, KUBE-FW for each Service, KUBE-MARK-DROP, short probabilities', () => {
  const objects = { filename: [`${old}objects.yaml`], node: `${old}east-1.yaml`, config: `${old}kube-proxy.yaml` };
  const file = 'before-1.24.save';

  it('is as meant, but for what is known of its age', async () => {
    const { status, families } = await auditFiles(objects, dumpOf(file));
    expect([status, servicesThatAre('ok', families), servicesThatAre('known', families)]).toEqual([
      0,
      ['shop/edge', 'shop/idle'],
      ['shop/away', 'shop/cart'],
    ]);
    const codes = new Set(families.flatMap(findingsIn).flatMap((one) => one.codes));
    expect([...codes].sort()).toEqual(['old-mark-drop', 'old-rounded-shares']);
  });

  it.each([
    ['an XLB chain lacks its endpoint', /-A KUBE-XLB-E\S+ .*"Balancing rule 0.*\n/, '', 'shop/edge'],
    [
      'an XLB chain sends on',
      /-A KUBE-XLB-A\S+ .*KUBE-MARK-DROP\n/,
      '-A KUBE-XLB-AAAAAAAAAAAAAAAA -j KUBE-SVC-AAAAAAAAAAAAAAAA\n',
      'shop/away',
    ],
    ['a source range is another', /-s 203\.0\.113\.0\/24/, '-s 203.0.0.0/16', 'shop/cart'],
    ['a share is wrong', /0\.33332999982/, '0.33999999985', 'shop/cart'],
    ['an endpoint is stale', /10\.1\.1\.8:8080$/m, '10.1.1.9:8080', 'shop/away'],
  ])('shows it when %s', async (_, find, put, service) => {
    const files = dumpOf(file, (text) => {
      expect(text).toMatch(find);
      return text.replace(find, put);
    });
    const { status, families } = await auditFiles(objects, files);
    expect([status, servicesThatAre('wrong', families)]).toEqual([3, [service]]);
  });
});

describe('what a kube-proxy before 1.20 left, beside Calico and Docker', () => {
  const objects = { filename: [`${old}input.yaml`], node: `${old}node.yaml`, config: `${old}config.yaml` };

  it('is read, with what it has not, and with whose chains were not looked into', async () => {
    const { status, families } = await auditFiles(objects, dumpOf('before-1.20.save'));
    const findings = families.flatMap(findingsIn);
    const wrong = findings.filter((one) => one.status === 'wrong');
    expect([status, [...new Set(wrong.map(({ service, cause }) => `${service}: ${cause}`))].sort()]).toEqual([
      3,
      ['shop/edge: goes to an address that is not an endpoint', 'shop/edge: left alone, should be dropped'],
    ]);
    // The endpoint that the dump has and the objects have not; and external addresses that it has no rule for.
    const places = wrong.map(({ cause, address }) => `${cause.startsWith('goes') ? 'endpoint' : 'drop'} ${address}`);
    expect([...new Set(places)].sort()).toEqual([
      'drop 203.0.113.14',
      'drop 203.0.113.214',
      'endpoint 10.60.4.14',
      'endpoint 127.0.0.1',
      'endpoint 192.168.70.11',
    ]);
    expect([...new Set(findings.flatMap(({ codes }) => codes))].sort()).toEqual([
      'old-health-check',
      'old-open-loopback',
      'old-own-traffic',
    ]);
    expect(families.flatMap(({ notFollowed }) => notFollowed)).toEqual([
      'nat PREROUTING: -A PREROUTING -m comment --comment "cali:6gwbT8clXdHdC1b1" -j cali-PREROUTING',
    ]);
  });
});
