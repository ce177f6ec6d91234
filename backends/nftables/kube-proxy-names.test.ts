import { expect, it } from 'vitest';
import { caseNames, compileCase, expectedFile } from '../../test/conformance/cases.ts';
import { families } from '../../compiler/values/address.ts';
import { address, port, portName, service } from '../../test/helpers/ir.ts';
import { kubeProxyNames } from './kube-proxy-names.ts';

it('names are what a real kube-proxy called chains and sets of Service ports', () => {
  const unknown: string[] = [];
  let count = 0;
  for (const folder of caseNames) {
    const texts = ['expected.nft', 'expected.ip6.nft'].map((file) => expectedFile(folder, file) ?? '');
    const found = texts.flatMap((text) =>
      [...text.matchAll(/^\t(?:chain|set) ([a-z]+-[A-Z2-7]{8}-\S+) \{$/gm)].map(([, name = '']) => name),
    );
    const { services } = compileCase(folder, 'kube-proxy', 'nftables');
    const made = new Set(
      families
        .flatMap((family) => services[family])
        .flatMap((port) => kubeProxyNames(port, [...port.known, ...port.pools.cluster])),
    );
    count += found.length;
    unknown.push(...found.filter((name) => !made.has(name)).map((name) => `${folder}: ${name}`));
  }
  expect(unknown).toEqual([]);
  expect(count).toBeGreaterThan(500);
});

it('an IPv6 address has dots where it has colons', () => {
  const cart = { service: service('shop/cart'), protocol: 'TCP', portName: portName('http') } as const;
  expect(kubeProxyNames(cart, [{ address: address('fd00:12::6'), port: port(8080) }]).at(-1)).toMatch(
    /^affinity-[A-Z2-7]{8}-shop\/cart\/tcp\/http__fd00\.12\.\.6\/8080$/,
  );
});
