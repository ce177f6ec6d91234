import type { ChainPrefix } from '../../../compiler/settings.ts';
import { parseProtocol } from '../../../compiler/values/port.ts';
import type { Run } from '../../command.ts';
import { KernelError } from '../../netfilter/live/errors.ts';
import { failure, type Tools } from '../../netfilter/live/kernel.ts';
import { observe, observePossible } from '../../netfilter/live/observation.ts';
import type { OwnChains } from '../../netfilter/own-chains.ts';
import { kubeNameOf } from '../../netfilter/prefix.ts';
import type { Scope } from '../../target.ts';
import type { ByPool, EndpointTraffic, Pool, TrafficMeter } from '../../traffic.ts';
import { hasPurpose } from '../names.ts';

/**
 * Reads the counters of the rules that translate to endpoints. Table nat sees the first packet of a connection alone, so
 * they count connections. Reading with `-c` and without `--zero` leaves them as they are.
 */
export async function openMeter(
  run: Run,
  { family, prefix }: Scope,
  own: OwnChains,
  isNeeded: boolean,
): Promise<TrafficMeter | undefined> {
  const observed = isNeeded ? await observe(run, family, own) : await observePossible(run, family, own);
  if (observed === undefined || (!isNeeded && observed.ruleset.chains.size === 0)) return undefined;
  const { tools } = observed;
  return {
    source: `the kernel (${tools.mode})`,
    read: async () => ({ counts: countsIn(await countedTable(run, tools), prefix), uncounted: undefined }),
  };
}

/** throws   KernelError */
async function countedTable(run: Run, { save }: Tools): Promise<string> {
  const args = ['-c', '-t', 'nat'];
  const result = await run(save, args);
  if (result.exitCode !== 0) throw failure(save, args, result);
  if (!/^COMMIT$/m.test(result.stdout)) throw new KernelError([save, ...args].join(' '), { reason: 'truncated' }, '');
  return result.stdout;
}

const countedRule = /^\[(\d+):\d+\] -A (\S+) (.*)$/;
/** The first word of a comment, where it is the name of a Service port. */
const namingComment = /--comment "?([^" ]+\/[^" ]+)/;

/**
 * The counts per endpoint in a table nat with counters.
 *
 * Rules name their Service port in a comment. Where there are more than 1000 endpoints, rules of endpoints have none: then
 * the chain that leads to them shows it, since all chains of one Service port share their last sixteen characters.
 *
 * text   `iptables-save -c`
 */
export function countsIn(text: string, prefix: ChainPrefix): readonly EndpointTraffic[] {
  const lines = text.split('\n');
  const chosen = choicesIn(lines, prefix);
  let names: ReadonlyMap<string, string> | undefined;
  return lines.flatMap((line): EndpointTraffic[] => {
    // This test comes first, because it passes over most lines.
    if (!line.includes(' --to-destination ')) return [];
    const [, count, chain = '', rule = ''] = countedRule.exec(line) ?? [];
    const protocol = parseProtocol(/(?:^| )-p (tcp|udp|sctp) /.exec(rule)?.[1]?.toUpperCase());
    const endpoint = / --to-destination (\S+)/.exec(rule)?.[1];
    if (protocol === undefined || endpoint === undefined || !isEndpointChain(chain, prefix)) return [];
    const own = namingComment.exec(rule)?.[1];
    if (own === undefined) names ??= namesByChain(lines, prefix);
    const servicePort = own ?? names?.get(chain);
    const rest = { dialled: undefined, volume: undefined, followsShares: true };
    const byPool = chosen.get(chain);
    return [{ servicePort, protocol, endpoint, connections: Number(count), ...(byPool && { byPool }), ...rest }];
  });
}

/**
 * Chain of an endpoint → connections for which the chain of each pool chose it. Remembered clients come by rules of the same
 * chain, so they are in it too.
 */
function choicesIn(lines: readonly string[], prefix: ChainPrefix): ReadonlyMap<string, ByPool> {
  const chosen = new Map<string, ByPool>();
  for (const line of lines) {
    const at = line.lastIndexOf(` -j ${prefix}-SEP-`);
    if (at < 0) continue;
    const [, count, chain = ''] = countedRule.exec(line) ?? [];
    const pool = poolOf(kubeNameOf(chain, prefix) ?? '');
    if (pool === undefined) continue;
    const target = line.slice(at + 4);
    const before = chosen.get(target) ?? { cluster: 0, local: 0 };
    chosen.set(target, { ...before, [pool]: before[pool] + Number(count) });
  }
  return chosen;
}

function poolOf(chain: string): Pool | undefined {
  if (hasPurpose('SVC', chain)) return 'cluster';
  return hasPurpose('SVL', chain) ? 'local' : undefined;
}

/** Chain of an endpoint → Service port, by the chain that leads to it. */
function namesByChain(lines: readonly string[], prefix: ChainPrefix): ReadonlyMap<string, string> {
  const byHash = new Map<string, string>();
  const leadingTo = new Map<string, string>();
  for (const line of lines) {
    const [, , chain = '', rule = ''] = countedRule.exec(line) ?? [];
    const target = / ?-j (\S+)$/.exec(rule)?.[1];
    const name = namingComment.exec(rule)?.[1];
    if (target === undefined) continue;
    if (name !== undefined) byHash.set(lastOf(target), name);
    if (isEndpointChain(target, prefix)) leadingTo.set(target, lastOf(chain));
  }
  return new Map(
    [...leadingTo].flatMap(([target, hash]) => {
      const name = byHash.get(hash);
      return name === undefined ? [] : [[target, name] as const];
    }),
  );
}

function isEndpointChain(chain: string, prefix: ChainPrefix): boolean {
  return hasPurpose('SEP', kubeNameOf(chain, prefix) ?? '');
}

function lastOf(chain: string): string {
  return chain.slice(chain.lastIndexOf('-') + 1);
}
