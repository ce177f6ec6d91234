import type { Settings } from '../../../compiler/settings.ts';
import type { PossibleSettings } from '../../backend.ts';
import { type CommandResult, complaintOf, type Run } from '../../command.ts';
import { accountNames } from '../../netfilter/accounts.ts';

/**
 * Whether rules can count here: `nfacct` reaches the kernel's accounting objects, and iptables and the kernel have the match.
 * Changes nothing: `iptables-restore --test` commits nothing.
 */
export async function possibleCounters(run: Run, settings: Settings): Promise<PossibleSettings> {
  if (!settings.packetCounters) return { settings, problems: [] };
  const problem = (await objectsProblem(run)) ?? (await matchProblem(run, accountNames(settings.chainPrefix).invalid));
  if (problem === undefined) return { settings, problems: [] };
  const message = `iptables.counters is true, but this machine cannot count: slicewright writes the rules without counters, and Services work (${problem})`;
  return {
    settings: { ...settings, packetCounters: false },
    problems: [
      { severity: 'warning', code: 'no-packet-counters', object: { kind: 'machine', name: 'nfacct' }, message },
    ],
  };
}

async function objectsProblem(run: Run): Promise<string | undefined> {
  const result = await run('nfacct', ['list']);
  if (result.exitCode === 0) return undefined;
  if (result.failure === 'not-found') return 'the program nfacct is not installed (Debian package nfacct)';
  return `nfacct list failed: ${complaintOf(result).replace(/^nfacct v\S+: (error: )?/, '') || (result.failure ?? 'no reason given')}`;
}

/** By the program that is there: its extensions and the kernel's matches are the same for each. */
async function matchProblem(run: Run, name: string): Promise<string | undefined> {
  const text = `*filter\n-A FORWARD -m nfacct --nfacct-name ${name} -j DROP\nCOMMIT\n`;
  for (const tool of ['iptables-restore', 'iptables-nft-restore', 'iptables-legacy-restore']) {
    const result = await run(tool, ['--test', '--noflush', '-w', '5'], text);
    if (result.failure === 'not-found') continue;
    return isTaken(result) ? undefined : `iptables cannot use the match nfacct: ${complaintOf(result, tool)}`;
  }
  return undefined;
}

/** A kernel without the match is a warning to iptables 1.8.9: "Extension nfacct revision 0 not supported, missing kernel module?" */
function isTaken({ exitCode, stderr }: CommandResult): boolean {
  return exitCode === 0 && !stderr.includes('missing kernel module');
}
