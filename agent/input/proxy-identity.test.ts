import { expect, it } from 'vitest';
import { formatDiagnostic } from '../../compiler/values/diagnostic.ts';
import { InputError } from './input-error.ts';
import { proxyIdentity } from './proxy-identity.ts';

it.each([
  [{}, { serviceProxyName: undefined, chainPrefix: 'KUBE' }],
  [{ serviceProxyName: 'slicewright' }, { serviceProxyName: 'slicewright', chainPrefix: 'SLWR' }],
  [
    { serviceProxyName: 'a.b_c-1', chainPrefix: 'AB' },
    { serviceProxyName: 'a.b_c-1', chainPrefix: 'AB' },
  ],
])('%j is a proxy', (options, identity) => expect(proxyIdentity(options)).toEqual(identity));

it.each([
  [{ serviceProxyName: '' }, 'option --service-proxy-name: "" is not a label\'s value'],
  [{ serviceProxyName: 'a b' }, 'option --service-proxy-name: "a b" is not a label\'s value'],
  [{ serviceProxyName: 'a,!b' }, 'option --service-proxy-name: "a,!b" is not a label\'s value'],
  [{ serviceProxyName: 'a', chainPrefix: 'KUBE' }, "option --chain-prefix: KUBE is kube-proxy's"],
  [{ serviceProxyName: 'a', chainPrefix: 'slwr' }, 'option --chain-prefix: "slwr" is not a prefix'],
  [{ chainPrefix: 'SLWR' }, 'option --chain-prefix: needs --service-proxy-name'],
])('%j is none', (options, message) => {
  let error: unknown;
  try {
    proxyIdentity(options);
  } catch (thrown) {
    error = thrown;
  }
  const said = error instanceof InputError ? error.diagnostics.map(formatDiagnostic) : [];
  expect(said).toEqual([expect.stringContaining(message)]);
});
