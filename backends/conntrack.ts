import type { Family } from '../compiler/values/address.ts';
import type { Run } from './command.ts';
import type { StaleFlows } from './netfilter/flows.ts';

/** What became of forgetting connections. Never an error: the rules are in force, and the connections time out. */
export interface ForgetReport {
  /** How many of the asked kinds of connection existed. */
  readonly found: number;
  /** What went wrong, for a person; undefined if nothing did. */
  readonly problem: string | undefined;
}

/** Conditions in one command. Each is a pass over the kernel's whole table. */
const batch = 200;

/**
 * Makes the kernel forget connections.
 *
 * Each deletion is a pass over the kernel's table of connections, and there can be as many of one
 * as of the other. So the table is listed once, and only what is there is deleted: usually
 * nothing, and one command in all. `conntrack --load-file -` takes many deletions in one process;
 * where it is older than 1.4.7 and has no such option, each gets its own.
 */
export async function forgetConnections(run: Run, family: Family, flows: readonly StaleFlows[]): Promise<ForgetReport> {
  if (flows.length === 0) return { found: 0, problem: undefined };
  const listed = await run('conntrack', ['-L', '-p', 'udp', ...familyOption(family)]);
  if (listed.failure === 'not-found') {
    const problem = 'conntrack is not installed: UDP clients of endpoints that are gone go on sending to them';
    return { found: 0, problem };
  }
  // Too many connections to list, or a listing that fails: then every condition is tried.
  const there = listed.exitCode === 0 ? flows.filter(isAmong(listed.stdout)) : flows;
  const commands = there.map((flow) => deletionArgs(family, flow));
  for (let start = 0; start < commands.length; start += batch) {
    const problem = await deleteAll(run, commands.slice(start, start + batch));
    if (problem !== undefined) return { found: there.length, problem };
  }
  return { found: there.length, problem: undefined };
}

async function deleteAll(run: Run, commands: readonly (readonly string[])[]): Promise<string | undefined> {
  const script = commands.map((args) => `${args.join(' ')}\n`).join('');
  const { exitCode, stderr } = await run('conntrack', ['-R', '-'], script);
  if (exitCode === 0) return undefined;
  if (!/unknown option|invalid option|unrecognized option/.test(stderr)) return problemIn(stderr);
  for (const args of commands) {
    const result = await run('conntrack', args);
    // Nothing to delete is its exit status 1 too.
    const isFine = result.exitCode === 0 || result.stderr.includes(' 0 flow entries have been deleted');
    if (!isFine) return problemIn(result.stderr);
  }
  return undefined;
}

function problemIn(stderr: string): string {
  return `connections could not be forgotten: ${stderr.trim().split('\n')[0]}`;
}

/** Arguments that delete one kind of connection. */
export function deletionArgs(family: Family, { destination, port, endpoint }: StaleFlows): string[] {
  return [
    '-D',
    '-p',
    'udp',
    ...familyOption(family),
    ...(destination === undefined ? [] : ['--orig-dst', destination]),
    '--orig-port-dst',
    String(port),
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
  const tuples = / src=\S+ dst=(\S+) sport=\d+ dport=(\d+) .*?src=(\S+) dst=\S+ sport=(\d+) dport=\d+/;
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
