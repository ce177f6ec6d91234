import type { Run } from '../../backends/command.ts';
import type { Family } from '../../compiler/values/address.ts';

/*
 * Does to a kernel what a kube-proxy's sync does, with the rules that a real one left as its goal. It removes only what
 * a kube-proxy removes, so rules of slicewright that a kube-proxy does not know are still there afterwards.
 */

export interface Wanted {
  readonly family: Family;
  /** Output of iptables-save or ip6tables-save. */
  readonly rules: string;
}

/**
 * Chains of Service ports: a kube-proxy in iptables mode deletes those that it does not want, whichever program made
 * them.
 */
const stale = /^:(KUBE-(?:SVC|SVL|SEP|FW|EXT)-\S+) /gm;

/** returns   hooks that were missing and are now there */
export async function syncIptables(run: Run, { family, rules }: Wanted, tools = toolsOf(family)): Promise<string[]> {
  const found = await output(run, tools.save, ['-t', 'nat']);
  const wanted = new Set(chainsIn(rules, stale));
  const going = chainsIn(found, stale).filter((chain) => !wanted.has(chain));
  const missing = await missingHooks(run, rules, tools.save);
  await restore(run, tools.restore, rewriting(rules, missing, going));
  return missing;
}

/** IPVS mode: virtual servers and sets first, then the rules; unwanted ones are removed last. */
export async function syncIpvs(
  run: Run,
  wanted: readonly Wanted[],
  { sets, servers, addresses }: { readonly sets: string; readonly servers: string; readonly addresses: string },
): Promise<string[]> {
  const missing: string[] = [];
  const link = 'kube-ipvs0';
  const bound = linesOf(addresses);
  // Without -exist, so that a set of another size gives an error, as it does to kube-proxy.
  const there = linesOf(await output(run, 'ipset', ['save']));
  for (const line of linesOf(sets).filter((one) => one.startsWith('create '))) {
    const found = there.find((one) => one.startsWith(`${line.split(' ', 2).join(' ')} `));
    if (found === undefined) await script(run, 'ipset', ['-exist', 'restore'], [line]);
    else if (withoutSizes(found) !== withoutSizes(line)) throw new Error(`${line}: exists as ${found}`);
  }
  const now = serversIn(await output(run, 'ipvsadm', ['--save', '-n']));
  const then = serversIn(servers);
  const edits = [...then].flatMap(([key, server]) => serverEdits(now.get(key), server));
  await script(run, 'ipvsadm', ['--restore'], edits);
  const before = boundIn(await output(run, 'ip', ['-o', 'address', 'show', 'dev', link]));
  await addressScript(
    run,
    'add',
    bound.filter((one) => !before.includes(one)),
  );
  const isNamed = (line: string) => sets.includes(`create ${line.split(' ')[1] ?? ''} `);
  const entries = linesOf(await output(run, 'ipset', ['save'])).filter((one) => one.startsWith('add ') && isNamed(one));
  const wantedEntries = linesOf(sets).filter((one) => one.startsWith('add '));
  await script(
    run,
    'ipset',
    ['-exist', 'restore'],
    [
      ...entries.filter((one) => !wantedEntries.includes(one)).map((one) => one.replace('add', 'del')),
      ...wantedEntries.filter((one) => !entries.includes(one)),
    ],
  );
  for (const { family, rules } of wanted) {
    const tools = toolsOf(family);
    const lacking = await missingHooks(run, rules, tools.save);
    missing.push(...lacking);
    await restore(run, tools.restore, rewriting(rules, lacking, []));
  }
  await addressScript(
    run,
    'delete',
    before.filter((one) => !bound.includes(one)),
  );
  await script(
    run,
    'ipvsadm',
    ['--restore'],
    [...now.keys()].filter((key) => !then.has(key)).map((key) => `-D ${key}`),
  );
  return missing;

  async function addressScript(where: Run, verb: string, list: readonly string[]): Promise<void> {
    await script(
      where,
      'ip',
      ['-force', '-batch', '-'],
      list.map((one) => `address ${verb} ${one} dev ${link}`),
    );
  }
}

function toolsOf(family: Family) {
  const name = family === 'IPv4' ? 'iptables' : 'ip6tables';
  return { save: `${name}-save`, restore: `${name}-restore` };
}

/** Its chains emptied and written anew, with the missing hooks; stale chains of nat are emptied and deleted. */
function rewriting(rules: string, missing: readonly string[], going: readonly string[]): string {
  const isThere = (line: string) => /^-A (?!KUBE-)/.test(line) && !missing.some((hook) => hook.endsWith(` ${line}`));
  const kept = linesOf(rules).filter((line) => !/^#|^:[A-Z]+ /.test(line) && !isThere(line));
  return `${kept
    .flatMap((line, i) => {
      if (line === '*nat') return [line, ...going.map((chain) => `:${chain} - [0:0]`)];
      const isEndOfNat = line === 'COMMIT' && kept.slice(0, i).findLast((one) => one.startsWith('*')) === '*nat';
      return isEndOfNat ? [...going.map((chain) => `-X ${chain}`), line] : [line];
    })
    .join('\n')}\n`;
}

/** By table and line. */
async function missingHooks(run: Run, rules: string, save: string): Promise<string[]> {
  const found = new Set(hooksIn(await output(run, save, [])));
  return hooksIn(rules).filter((hook) => !found.has(hook));
}

function hooksIn(save: string): string[] {
  let table = '';
  return linesOf(save).flatMap((line) => {
    if (line.startsWith('*')) table = line.slice(1);
    return /^-A (?!KUBE-).* -j KUBE-/.test(line) ? [`${table} ${line}`] : [];
  });
}

function chainsIn(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, chain = '']) => chain);
}

interface Server {
  readonly line: string;
  readonly reals: ReadonlyMap<string, string>;
}

/** By `-t 10.96.0.1:80`. */
function serversIn(save: string): Map<string, Server> {
  const servers = new Map<string, { line: string; reals: Map<string, string> }>();
  for (const line of linesOf(save)) {
    const [, key = ''] = /^-[Aa] (-\S+ \S+)/.exec(line) ?? [];
    if (line.startsWith('-A')) servers.set(key, { line, reals: new Map() });
    else servers.get(key)?.reals.set(/ -r (\S+)/.exec(line)?.[1] ?? '', line);
  }
  return servers;
}

function serverEdits(now: Server | undefined, then: Server): string[] {
  const key = /^-A (-\S+ \S+)/.exec(then.line)?.[1] ?? '';
  return [
    ...(now === undefined ? [then.line] : now.line === then.line ? [] : [then.line.replace('-A', '-E')]),
    ...[...then.reals].flatMap(([real, line]) => {
      const found = now?.reals.get(real);
      return found === undefined ? [line] : found === line ? [] : [line.replace('-a', '-e')];
    }),
    ...[...(now?.reals.keys() ?? [])].filter((real) => !then.reals.has(real)).map((real) => `-d ${key} -r ${real}`),
  ];
}

function boundIn(shown: string): string[] {
  return [...shown.matchAll(/ inet6? (\S+)/g)].map(([, address = '']) => address);
}

/** The line without the sizes that the kernel chooses itself. */
export function withoutSizes(line: string): string {
  return line.replace(/ (?:hashsize|bucketsize|initval) \S+/g, '');
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

async function restore(run: Run, tool: string, text: string): Promise<void> {
  const { exitCode, stderr } = await run(tool, ['--noflush', '-w', '5'], text);
  if (exitCode !== 0) throw new Error(`${tool}: ${stderr}\n${text}`);
}

async function script(run: Run, tool: string, args: readonly string[], lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  const { exitCode, stderr } = await run(tool, args, `${lines.join('\n')}\n`);
  if (exitCode !== 0 || stderr !== '') throw new Error(`${tool}: ${stderr}\n${lines.join('\n')}`);
}

async function output(run: Run, tool: string, args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await run(tool, args);
  if (exitCode !== 0) throw new Error(`${tool} ${args.join(' ')}: ${stderr}`);
  return stdout;
}
