import { describe, expect, it } from 'vitest';
import { endpointText } from '../../compiler/ir/ir.ts';
import { parseAddress } from '../../compiler/values/address.ts';
import { type Protocol, parsePort } from '../../compiler/values/port.ts';
import { endpointChain, isOurChain, nodeChain, serviceChain } from './names.ts';

/** Names that kube-proxy was seen to give. */
const services: readonly (readonly [string, Protocol, string])[] = [
  ['default/nginx', 'TCP', '2CMXP7HKUVJN7L6M'],
  ['default/kubernetes:https', 'TCP', 'NPX46M4PTMTKRN6Y'],
  ['kube-system/kube-dns:dns', 'UDP', 'TCOU7JCQXEZGVUNU'],
  ['kube-system/kube-dns:dns-tcp', 'TCP', 'ERIFXISQEP7F7OF4'],
  ['ns1/svc1:p80', 'TCP', 'XPGD46QRK7WJZT7O'],
  ['ns1/svc-cip:p80', 'TCP', '7G5PG3OXLRDYEDKV'],
  ['ns1/unnamed', 'UDP', 'HCNOKPFK3UUJZRSU'],
  ['ns2/sctp:s', 'SCTP', 'GHZ3QLCJGWXPFG4I'],
  ['ns2/etp-local:http', 'TCP', 'DLVPOQH76XYHAQTW'],
];

const endpoints: readonly (readonly [string, Protocol, string, number, string])[] = [
  ['ns1/svc-cip:p80', 'TCP', '10.1.0.2', 80, 'ERO4EJ5MBLT6RT6A'],
  ['ns1/svc-cip:p80', 'TCP', '10.1.1.3', 80, 'GB23VKZ3IR432ZQU'],
  ['ns1/svc-cip:p80', 'TCP', 'fd00:1::a', 80, 'T3GDKIFL2H5CV5JW'],
  ['ns1/unnamed', 'UDP', '10.1.0.9', 5353, '44VE7RLEIPNEF2CK'],
  ['ns2/sctp:s', 'SCTP', '10.1.0.70', 7777, '6LHPGRHRTT2CVDXJ'],
  ['ns2/etp-local:http', 'TCP', '10.1.0.20', 8080, 'XEU262DSD76UX2KV'],
  ['ns2/affinity:http', 'TCP', '10.1.0.40', 80, 'G6UQGSJG4TDNU6YI'],
];

describe('chain names are those of kube-proxy', () => {
  it.each(services)('%s %s', (text, protocol, hash) => {
    for (const purpose of ['SVC', 'SVL', 'EXT', 'FW'] as const) {
      expect(serviceChain(purpose, text, protocol)).toBe(`KUBE-${purpose}-${hash}`);
    }
  });

  it.each(endpoints)('%s %s to %s:%i', (text, protocol, addressText, portNumber, hash) => {
    const address = parseAddress(addressText);
    const port = parsePort(portNumber);
    if (address === undefined || port === undefined) throw new Error('vectors hold addresses and ports');
    expect(endpointChain(text, protocol, endpointText({ address, port }))).toBe(`KUBE-SEP-${hash}`);
  });

  it('and we know them for ours', () => {
    const ours = [
      ...Object.values(nodeChain),
      serviceChain('FW', 'a/b', 'TCP'),
      'KUBE-XLB-AAAAAAAAAAAAAAAA',
      'KUBE-MARK-DROP',
    ];
    expect(ours.filter((name) => !isOurChain(name))).toEqual([]);
  });

  it.each(['KUBE-KUBELET-CANARY', 'KUBE-IPTABLES-HINT', 'INPUT', 'DOCKER', 'XKUBE-SVC-A', 'KUBE-SERVICES2'])(
    'but %s belongs to another',
    (name) => {
      expect(isOurChain(name)).toBe(false);
    },
  );
});
