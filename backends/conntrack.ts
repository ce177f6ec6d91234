import type { Family, IpAddress } from '../compiler/values/address.ts';
import type { Port } from '../compiler/values/port.ts';
import { complaintOf, type Run } from './command.ts';

/**
 * UDP connections that the kernel goes on treating as it treated their first packet: it looks at
 * nat once a connection, and a UDP client that keeps sending keeps its connection alive forever.
 *
 * destination   undefined: any address (a node port)
 * endpoint      undefined: whatever endpoint they were sent to, or none
 */
export interface StaleFlows {
  readonly destination: IpAddress | undefined;
  readonly port: Port;
  readonly endpoint: { readonly address: IpAddress; readonly port: Port } | undefined;
}

/** The outcome of forgetting connections. Never an error: the rules are in force, and the connections time out. */
export interface ForgetReport {
  /** How many of the asked kinds of connection existed. */
  readonly found: number;
  /** What went wrong, for a person; undefined if nothing did. */
  readonly problem: string | undefined;
}

/**
 * Makes the kernel forget connections.
 *
 * Each deletion is a process and a pass over the kernel's table of connections. So the table is
 * listed once, and only kinds of connection that are there are deleted: of a thousand that a
 * change could leave behind usually none, and then one command is all. `conntrack --load-file -`
 * would take many deletions in one process, but opens /dev/stdin by name, which cannot be done
 * where standard input is a socket, as it is for children of Node.
 */
export async function forgetConnections(run: Run, family: Family, flows: readonly StaleFlows[]): Promise<ForgetReport> {
  if (flows.length === 0) return { found: 0, problem: undefined };
  const listed = await run('conntrack', ['-L', '-p', 'udp', ...familyOption(family)]);
  if (listed.failure === 'not-found') {
    const problem = 'conntrack is not installed: UDP clients keep sending to endpoints that are gone';
    return { found: 0, problem };
  }
  // Too many connections to list, or a listing that fails: then every kind is tried.
  const there = listed.exitCode === 0 ? flows.filter(isAmong(listed.stdout)) : flows;
  for (const flow of there) {
    const result = await run('conntrack', deletionArgs(family, flow));
    // Exit status 1 is for nothing to delete, too: the connection has ended meanwhile.
    if (result.exitCode === 0 || result.stderr.includes(' 0 flow entries have been deleted')) continue;
    const problem = `connections could not be removed from conntrack: ${complaintOf(result)}`;
    return { found: there.length, problem };
  }
  return { found: there.length, problem: undefined };
}

/** Arguments that delete one kind of connection. */
function deletionArgs(family: Family, { destination, port, endpoint }: StaleFlows): string[] {
  return [
    ...['-D', '-p', 'udp', ...familyOption(family)],
    ...(destination === undefined ? [] : ['--orig-dst', destination]),
    ...['--orig-port-dst', String(port)],
    ...(endpoint === undefined ? [] : ['--reply-src', endpoint.address, '--reply-port-src', String(endpoint.port)]),
  ];
}

function familyOption(family: Family): string[] {
  return family === 'IPv6' ? ['-f', 'ipv6'] : [];
}

/**
 * Whether the kernel's listing has such a connection.
 *
 * A line shows both directions, each as source, destination and their ports: an answer comes from
 * the endpoint that was chosen.
 */
function isAmong(listing: string): (flow: StaleFlows) => boolean {
  const seen = new Set<string>();
  const tuples = / dst=(\S+) sport=\d+ dport=(\d+) .*?src=(\S+) dst=\S+ sport=(\d+) dport=\d+/;
  for (const line of listing.split('\n')) {
    const [, destination, port, source, sourcePort] = tuples.exec(line) ?? [];
    if (port === undefined) continue;
    for (const at of [destination, '*']) {
      seen.add(`${at} ${port}`);
      seen.add(`${at} ${port} ${source} ${sourcePort}`);
    }
  }
  return ({ destination, port, endpoint }) => {
    const key = `${destination ?? '*'} ${port}`;
    return seen.has(endpoint === undefined ? key : `${key} ${endpoint.address} ${endpoint.port}`);
  };
}
