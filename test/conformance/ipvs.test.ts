import { describe, expect, it } from 'vitest';
import { assemble } from '../../backends/assemble.ts';
import { ipvs } from '../../backends/ipvs/index.ts';
import type { Compat } from '../../compiler/settings.ts';
import { families } from '../../compiler/values/address.ts';
import { caseNames, compileCase, expectedFile } from './cases.ts';
import { comparable } from './compare.ts';

/** Every case that a real kube-proxy ran in IPVS mode. */
const cases = caseNames.filter((name) => expectedFile(name, 'expected.ipvsadm-save') !== undefined);

function ours(name: string, compat: Compat): ReadonlyMap<string, string> {
  const { services, node } = compileCase(name, compat, 'ipvs');
  const joined = new Map<string, string>();
  for (const family of families) {
    const { program } = assemble(ipvs, services[family], node[family]);
    for (const [file, text] of ipvs.files(program, node[family])) joined.set(file, (joined.get(file) ?? '') + text);
  }
  return joined;
}

/** Virtual servers, sets, members and addresses are sets: only what is there counts. */
function sorted(text: string | undefined): readonly string[] {
  return [...new Set((text ?? '').split('\n').filter((line) => line !== ''))].sort();
}

describe('with --compat kube-proxy IPVS mode is kube-proxy’s', () => {
  it.each(cases)('%s', (name) => {
    const files = ours(name, 'kube-proxy');
    const isDualStack = expectedFile(name, 'expected.ipvs.ip6tables-save') !== undefined;
    for (const file of ['ipvsadm-save', 'ipset-save', 'kube-ipvs0-addrs']) {
      // Where there were no rules of IPv6, one record (002) has its sets all the same, left from the run before.
      const expected = sorted(expectedFile(name, `expected.${file}`)).filter(
        (line) => isDualStack || !line.includes('KUBE-6-'),
      );
      expect(sorted(files.get(file)), file).toEqual(expected);
    }
    for (const file of ['ipvs.iptables-save', 'ipvs.ip6tables-save']) {
      expect(comparable(files.get(file) ?? ''), file).toEqual(comparable(expectedFile(name, `expected.${file}`) ?? ''));
    }
    const sysctls = sorted(expectedFile(name, 'expected.ipvs.sysctls'));
    // The record also holds what kube-proxy left as the kernel had it.
    const untouched = sysctls.filter((line) => /arp_(ignore|announce)=0|conn_reuse_mode=1/.test(line));
    expect([...sorted(files.get('ipvs.sysctls')), ...untouched].sort()).toEqual(sysctls);
  });

  it('finds every case with IPVS expectations', () => expect(cases).toHaveLength(67));
});
