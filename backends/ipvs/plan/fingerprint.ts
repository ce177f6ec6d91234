import { hash } from 'node:crypto';
import { fingerprintOf as rulesFingerprint } from '../../netfilter/diff/fingerprint.ts';
import { drainingName } from '../program/ledger.ts';
import { serverLines, setLines } from '../program/print.ts';
import { type IpvsProgram, nothingFound } from '../program/program.ts';

/**
 * A name for what a kernel holds of slicewright's and what stands in its way: equal when a plan for one is a
 * plan for the other. Connections and the time that they have left do not matter.
 *
 * returns   sha-256 in hexadecimal
 */
export function fingerprintOf(observed: IpvsProgram): string {
  const { family, servers, sets, addresses, sysctls, rules, found = nothingFound } = observed;
  const ledger = [...found.ledger.values()].filter(({ name }) => name !== drainingName(family, observed.prefix));
  const state = [
    family,
    serverLines(servers.values()),
    [...found.foreign.keys()].sort(),
    setLines([...sets.values(), ...ledger]),
    found.staged.map(({ name }) => name),
    addresses,
    [...sysctls],
    found.link,
    rulesFingerprint(rules),
  ];
  return hash('sha256', JSON.stringify(state));
}
