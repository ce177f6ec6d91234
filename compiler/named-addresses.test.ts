import { expect, it } from 'vitest';
import { slice } from '../test/helpers/kubernetes.ts';
import { parseEndpointSlice } from './model/endpoint-slice.ts';
import { createNamedAddresses } from './named-addresses.ts';
import { parseAddress } from './values/address.ts';

const at = (text: string) => parseAddress(text)!;

function naming(addresses: readonly string[], addressType = 'IPv4') {
  return parseEndpointSlice(slice('web', 'web-x', addresses, { addressType }), undefined, [])!;
}

it('may have what an endpoint has, as long as one is there, and not what lies in other networks', () => {
  const named = createNamedAddresses();
  const answers = () => ['10.1.0.1', '10.1.0.9', '10.96.0.1'].map((text) => named.mayHave(at(text)));
  const [first, second] = [naming(['10.1.0.1', '10.2.0.1']), naming(['10.1.0.1'])];
  expect(answers()).toEqual([false, false, false]);
  named.change(first, 1);
  named.change(second, 1);
  expect(answers()).toEqual([true, true, false]);
  named.change(first, -1);
  expect(answers()).toEqual([true, true, false]);
  named.change(second, -1);
  expect(answers()).toEqual([false, false, false]);
});

it('counts what a gateway makes of an IPv6 address', () => {
  const named = createNamedAddresses();
  named.change(naming(['64:ff9b::a60:1', 'fd00::1'], 'IPv6'), 1);
  expect(['10.96.0.1', 'fd00::1', '10.97.0.1', 'fd01::1'].map((text) => named.mayHave(at(text)))).toEqual([
    ...[true, true, false, false],
  ]);
});
