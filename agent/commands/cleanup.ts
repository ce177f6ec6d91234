import type { Run } from '../../backends/command.ts';
import { ownChainsOf } from '../../backends/iptables/own-chains.ts';
import { ApplyError, applyTarget } from '../../backends/netfilter/apply.ts';
import type { Observation } from '../../backends/netfilter/live.ts';
import type { ChainPrefix } from '../../compiler/settings.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import { type DiagnosticFormat, diagnosticsText } from '../diagnostics.ts';
import type { Io } from '../io.ts';
import { counted } from '../plan-report/report.ts';
import { observePossible } from '../planning.ts';
import { endIpvs } from './end-ipvs.ts';
import { type ProxyOptions, proxyIdentity } from '../proxy-identity.ts';
import { beforeChanges, reportingFailures } from './failures.ts';

export interface CleanupOptions extends ProxyOptions {
  readonly takeOver?: boolean;
  readonly diagnostics: DiagnosticFormat;
}

/**
 * `slicewright cleanup`: removes all of ours and nothing else, of both backends, in both families and
 * in both kinds of tables. Doing it again does nothing.
 *
 * returns  the exit status: 0 nothing of ours is left, 1 something is
 */
export function cleanupCommand(options: CleanupOptions, io: Io, run: Run): Promise<number> {
  return reportingFailures(options.diagnostics, io, async () => {
    const { chainPrefix: prefix } = proxyIdentity(options);
    let isClean = true;
    for (const family of families) isClean = (await cleanUp(family, { ...options, prefix }, io, run)) && isClean;
    return isClean ? 0 : 1;
  });
}

/** What is cleaned up: all that has these names. */
type Scope = Pick<CleanupOptions, 'takeOver' | 'diagnostics'> & { readonly prefix: ChainPrefix };

/** Chains first: sets that rules look into cannot be destroyed. */
async function cleanUp(family: Family, options: Scope, io: Io, run: Run): Promise<boolean> {
  const { found, others } = await cleanTables(family, options, io, run);
  if (found === 'failed') return false;
  const servers = await endIpvs(family, { ...options, isEnd: true }, io, run);
  const isNothing = found === 'nothing' && servers === 'nothing';
  if (isNothing || others !== undefined) {
    const text = [...(isNothing ? ['nothing of ours is there'] : []), ...(others === undefined ? [] : [others])];
    await io.out(`${family}: ${text.join('; ')}\n`);
  }
  return servers !== 'failed';
}

interface Tables {
  /** undefined: this machine has no tables of the family. */
  readonly found: 'nothing' | 'removed' | 'failed' | undefined;
  /** What is left, because it is another program's. */
  readonly others?: string;
}

/** nft tables and legacy ones: each can hold rules of ours from some earlier time. */
const kindsOfTables = 2;

async function cleanTables(family: Family, options: Scope, io: Io, run: Run): Promise<Tables> {
  for (let round = 0; round < kindsOfTables; round++) {
    const read = () => observePossible(run, family, family === 'IPv4', options.prefix);
    const observed = await (family === families[0] && round === 0 ? beforeChanges(read) : read());
    if (observed === undefined) return { found: undefined };
    const found = round === 0 ? 'nothing' : 'removed';
    if (observed.owner === 'nobody') return { found };
    if (observed.owner === 'another writer' && options.takeOver !== true) {
      const where = `the ${options.prefix}-* chains in the ${observed.tools.mode} tables are another program's`;
      return { found, others: `${where}; --take-over removes them too` };
    }
    if (!(await removeAll(observed, options, io, run))) return { found: 'failed' };
  }
  return { found: 'removed' };
}

async function removeAll(observed: Observation, options: Scope, io: Io, run: Run): Promise<boolean> {
  const { family, ruleset, tools } = observed;
  try {
    // That the other kind of tables holds some too is no reason to leave these.
    const start = { ...observed, rival: undefined };
    const nothing = { program: undefined, services: [] };
    const { documents } = await applyTarget(run, start, nothing, ownChainsOf(options.prefix), {
      takeOver: options.takeOver === true,
    });
    const what = `${counted(ruleset.chains.size, 'chain')} and ${counted(ruleset.hooks.length, 'hook')}`;
    await io.out(`${family}: ${what} removed from the ${tools.mode} tables in ${counted(documents, 'transaction')}\n`);
    return true;
  } catch (error) {
    if (!(error instanceof ApplyError)) throw error;
    const object = { kind: 'kernel', name: family };
    const { reason, message } = error;
    const problem = { severity: 'error', code: `cleanup-${reason}`, object, message } as const;
    await io.err(diagnosticsText([problem], options.diagnostics));
    return false;
  }
}
