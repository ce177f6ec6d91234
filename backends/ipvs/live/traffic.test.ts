import { expect, it } from 'vitest';
import { parseServers } from '../program/parse.ts';
import { countsIn } from './traffic.ts';

/* What `ipvsadm -L -n --stats --exact` says; a real kernel's is in test/ipvs. */

const saved = `-A -t 10.96.0.10:80 -s wrr
-a -t 10.96.0.10:80 -r 10.1.0.5:8080 -m -w 3
-A -u [fd00:2::1]:53 -s sh
-a -u [fd00:2::1]:53 -r [fd00:1::5]:5353 -m -w 1
-A -t 10.96.0.11:80 -s rr -p 10800
-a -t 10.96.0.11:80 -r 10.1.0.6:8080 -m -w 1
`;
const listed = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes
  -> RemoteAddress:Port
FWM  7                                   1        1        1        1        1
  -> 10.9.9.9:80                         1        1        1        1        1
TCP  10.96.0.10:80                      12       70       50     7000     9000
  -> 10.1.0.5:8080                      12       70       50     7000     9000
TCP  10.96.0.11:80                       4        4        4        4        4
  -> 10.1.0.6:8080                       4        4        4        4        4
UDP  [fd00:2::1]:53                 123456   123456        0  9999999        0
  -> [fd00:1::5]:5353               123456   123456        0  9999999        0
TCP  203.0.113.1:443                     9        9        9        9        9
  -> 203.0.113.9:443                     9        9        9        9        9
`;

it('gives connections, packets and bytes of the virtual servers that are asked for, with the place that is dialled', () => {
  const count = { servicePort: undefined, protocol: 'TCP' };
  expect(countsIn(listed, parseServers(saved))).toEqual([
    {
      ...{ ...count, dialled: { address: '10.96.0.10', port: 80 }, endpoint: '10.1.0.5:8080', connections: 12 },
      ...{ volume: { packets: 120, bytes: 16_000 }, followsShares: true },
    },
    {
      ...{ ...count, dialled: { address: '10.96.0.11', port: 80 }, endpoint: '10.1.0.6:8080', connections: 4 },
      ...{ volume: { packets: 8, bytes: 8 }, followsShares: false },
    },
    {
      ...{ ...count, protocol: 'UDP', dialled: { address: 'fd00:2::1', port: 53 }, endpoint: '[fd00:1::5]:5353' },
      ...{ connections: 123_456, volume: { packets: 123_456, bytes: 9_999_999 }, followsShares: false },
    },
  ]);
});
