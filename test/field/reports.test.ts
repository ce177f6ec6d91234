import { describe, expect, it } from 'vitest';
import { backendNames, inIPv6, readCase, reportsOf } from './cases.ts';

describe('an address of somebody else is left to them in IPVS mode, and a warning says so', () => {
  it.each([
    [
      '48-externalip-every-node-ipvs',
      /^ipvs-address-elsewhere: .*shop\/web: 192\.168\.70\.12 is the address of another node/,
    ],
    ['48-externalip-every-node-ipvs', /^ipvs-address-elsewhere: .*shop\/web: fd70::12 is the address of another node/],
    ['61-ipvs-externalip-not-a-node', /^ipvs-address-elsewhere: .*shop\/web: 10\.50\.2\.62 is the address of a pod/],
  ])('%s', async (name, message) => {
    expect(await reportsOf(readCase(name), 'ipvs')).toContainEqual(expect.stringMatching(message));
    expect(await reportsOf(readCase(name), 'iptables')).not.toContainEqual(expect.stringMatching(message));
  });
});

describe('nothing is said where nothing is wrong', () => {
  it.each(['42-etp-switch-all-local', '53-same-nodeport-tcp-udp', '67-plan-against-old-kube-proxy-dump'])(
    '%s',
    async (name) => {
      for (const backend of backendNames) {
        expect(await reportsOf(readCase(name), backend)).toEqual([]);
        expect(await reportsOf(inIPv6(readCase(name)), backend)).toEqual([]);
      }
    },
  );
});
