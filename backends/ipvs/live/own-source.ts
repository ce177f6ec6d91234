import type { Family, IpAddress } from '../../../compiler/values/address.ts';
import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';
import type { Run } from '../../command.ts';
import { kernelProblem } from '../../errors.ts';
import { document } from '../program/print.ts';
import { commandFailure } from './errors.ts';

/*
 * The source address of packets that the node itself sends to a Service.
 *
 * A bound address is the node's own, so the kernel dials it from that very address. A connection through a virtual server
 * keeps the address bound until it ends. A connection that another backend's rules translate does not: once the address is
 * unbound, answers to it are no longer for this node, and the connection is silent forever. So before another backend comes
 * into force, slicewright makes the kernel dial bound addresses from an address of the node that stays.
 */

/** Marks slicewright's routes. The kernel deletes its own with the address, and leaves these. */
const protocol = 213;

/** An address from a range for documentation: no node has a special route to it. */
const elsewhere: Readonly<Record<Family, string>> = { IPv4: '198.51.100.0', IPv6: '2001:db8::' };

/**
 * From here on the node dials these bound addresses from an address that stays. Existing connections keep their source.
 *
 * returns   what could not be done, as warnings: the mode can change all the same
 */
export async function dialFromNode(
  run: Run,
  family: Family,
  link: string,
  addresses: readonly IpAddress[],
): Promise<readonly Diagnostic[]> {
  if (addresses.length === 0) return [];
  const source = await sourceOf(run, family);
  // A node that knows no way to elsewhere cannot dial an address that is not its own.
  if (source === undefined) return [];
  const lines = addresses.flatMap((address) => sourceLines(address, link, source));
  const result = await run('ip', ['-force', '-batch', '-'], document(lines));
  // It goes on after each line that fails. The second one for IPv6 does where this was done before.
  const isDone = result.failure === undefined && !/^(?!.*No such process|Command failed)./m.test(result.stderr);
  if (isDone) return [];
  const { message } = commandFailure('ip -force -batch -', result);
  const effect = 'connections that the node itself opens while IPVS mode is being removed may hang afterwards';
  return [{ ...kernelProblem(family, 'ipvs-source', `${effect}: ${message}`), severity: 'warning' }];
}

/** Runs once addresses are unbound. Most of them never had such a route, so failures do not matter. */
export async function forgetSource(run: Run, link: string, addresses: readonly IpAddress[]): Promise<void> {
  const lines = addresses.map((address) => `route delete ${routeOf(address, link)} proto ${protocol}`);
  await run('ip', ['-force', '-batch', '-'], document(lines));
}

/** IPv6 has no second route of the same metric, and wants a link that is up. */
function sourceLines(address: IpAddress, link: string, source: string): readonly string[] {
  const route = `route replace ${routeOf(address, link)} proto ${protocol}`;
  if (!address.includes(':')) return [`${route} scope host src ${source}`];
  return [`${route} metric 1024 src ${source}`, `route delete local ${address}/128 dev ${link} table local`];
}

function routeOf(address: IpAddress, link: string): string {
  return address.includes(':')
    ? `local ${address}/128 dev lo table local`
    : `local ${address}/32 dev ${link} table local`;
}

async function sourceOf(run: Run, family: Family): Promise<string | undefined> {
  const { exitCode, stdout } = await run('ip', ['-o', 'route', 'get', elsewhere[family]]);
  return exitCode === 0 ? / src (\S+)/.exec(stdout)?.[1] : undefined;
}
