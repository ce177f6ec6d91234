import { kubePrefix } from '../../../compiler/settings.ts';
import { familyOf, type IpAddress, parseAddress } from '../../../compiler/values/address.ts';
import type { CommandResult, Run } from '../../command.ts';
import { createFakeKernel, type FakeKernel } from '../../netfilter/fake/kernel.ts';
import { editSets, type FakeSets, saveSets } from './ipset.ts';
import { editServers, type FakeServers, listServers, saveServers } from './ipvsadm.ts';
import { linkName } from '../program/link-name.ts';

/** What goes wrong, and when. Scripts that change something are counted from 1. */
export interface IpvsFaults {
  /** Lines that the kernel rejects. */
  readonly refuses?: (file: string, line: string) => boolean;
  /** ipset's message about a refused line; by default a plain failure. */
  readonly refusal?: string;
  /** This script is killed after so many of its lines. */
  readonly killAt?: { readonly script: number; readonly line: number };
  /** Called before every script, with the number of scripts before it. */
  readonly anotherWriter?: (kernel: FakeIpvsKernel, scripts: number) => void;
  readonly missing?: readonly string[];
  readonly noPrivilege?: boolean;
  /** No ip_vs module. */
  readonly noIpvs?: boolean;
}

const kubeLink = linkName(kubePrefix);

/** A small strict kernel with IPVS, ipsets, a dummy link and netfilter in memory, behind the seam of the real one. */
export interface FakeIpvsKernel {
  readonly run: Run;
  readonly netfilter: FakeKernel;
  readonly scripts: readonly { readonly file: string; readonly text: string }[];
  servers: FakeServers;
  sets: FakeSets;
  /** Dummy links by name, with what is bound on them. */
  readonly links: Map<string, readonly IpAddress[]>;
  /** The one of kube-proxy's name; undefined: not there. */
  link: readonly IpAddress[] | undefined;
  /** Bound addresses that the node dials from another one, by address. */
  sources: Map<string, string>;
  sysctls: Map<string, string>;
  /** By `-t 10.96.0.1:80 -r 10.1.0.2:80`. */
  connections: Map<string, number>;
  schedulers: Set<string>;
  faults: IpvsFaults;
  /** Time goes by for entries of sets that forget. */
  pass(seconds: number): void;
}

export function createFakeIpvsKernel(faults: IpvsFaults = {}): FakeIpvsKernel {
  const scripts: { readonly file: string; readonly text: string }[] = [];
  const kernel: FakeIpvsKernel = {
    netfilter: createFakeKernel('nft'),
    scripts,
    servers: new Map(),
    sets: new Map(),
    links: new Map(),
    get link() {
      return kernel.links.get(kubeLink);
    },
    set link(bound) {
      if (bound === undefined) kernel.links.delete(kubeLink);
      else kernel.links.set(kubeLink, bound);
    },
    sources: new Map(),
    sysctls: new Map([
      ['net.ipv4.vs.conntrack', '0'],
      ['net.ipv4.vs.expire_nodest_conn', '0'],
      ['net.ipv4.vs.expire_quiescent_template', '0'],
      ['net.ipv4.vs.conn_reuse_mode', '1'],
      ['net.ipv4.ip_forward', '0'],
      ['net.ipv4.conf.all.arp_ignore', '0'],
      ['net.ipv4.conf.all.arp_announce', '0'],
    ]),
    connections: new Map(),
    schedulers: new Set(['rr', 'wrr', 'lc', 'wlc', 'sh', 'dh', 'mh', 'sed', 'nq', 'lblc', 'lblcr']),
    faults,
    pass(seconds) {
      const aged = [...kernel.sets].map(([name, set]) => {
        const left = [...set.entries].map(
          ([entry, time]) => [entry, time === undefined ? time : time - seconds] as const,
        );
        return [name, { ...set, entries: new Map(left.filter(([, time]) => time === undefined || time > 0)) }] as const;
      });
      kernel.sets = new Map(aged);
    },
    async run(file, args, input = '') {
      if (kernel.faults.missing?.includes(file) === true) return notFound(file);
      if (file === 'uname') return done('6.1.0\n');
      if (/^ip6?tables/.test(file) || file === 'conntrack' || file === 'nfacct') {
        return kernel.netfilter.run(file, args, input);
      }
      const tool = tools[file];
      if (tool === undefined) return notFound(file);
      if (kernel.faults.noPrivilege === true) return refused(`${file}: Permission denied (you must be root)\n`, 1);
      const isScript = input !== '';
      if (isScript) {
        kernel.faults.anotherWriter?.(kernel, scripts.length);
        scripts.push({ file, text: input });
      }
      return tool(kernel, args, input, limits(kernel, scripts.length, isScript));
    },
  };
  kernel.netfilter.faults = { refuses: (line) => namesMissingSet(kernel.sets, line) };
  return kernel;
}

function namesMissingSet(sets: FakeSets, line: string): boolean {
  return [...line.matchAll(/--match-set (\S+)/g)].some(([, name = '']) => !sets.has(name));
}

interface Limits {
  /** Lines up to here are run; then the script is killed. */
  readonly lines: number;
  readonly refuses: (file: string, line: string) => boolean;
}

function limits(kernel: FakeIpvsKernel, script: number, isScript: boolean): Limits {
  const { killAt, refuses } = kernel.faults;
  const isKilled = isScript && killAt?.script === script;
  return { lines: isKilled ? killAt.line : Number.POSITIVE_INFINITY, refuses: refuses ?? (() => false) };
}

type FakeTool = (kernel: FakeIpvsKernel, args: readonly string[], input: string, limits: Limits) => CommandResult;

const tools: Readonly<Record<string, FakeTool>> = { ipvsadm, ipset, ip, sysctl };

function ipvsadm(
  kernel: FakeIpvsKernel,
  args: readonly string[],
  input: string,
  { lines, refuses }: Limits,
): CommandResult {
  if (kernel.faults.noIpvs === true) {
    return refused(
      "Can't initialize ipvs: Protocol not available\nAre you sure that IP Virtual Server is built in the kernel or as module?\n",
      2,
    );
  }
  const called = args.join(' ');
  if (called === '--save -n') return done(saveServers(kernel.servers));
  if (called === '--list -n') return done(listServers(kernel.servers, kernel.connections));
  const [, asked] = /^--list -n (-t \S+|-u \S+|--sctp-service \S+)$/.exec(called) ?? [];
  if (asked !== undefined) {
    const server = kernel.servers.get(asked);
    return server === undefined
      ? refused('No such service\n', 1)
      : done(listServers(new Map([[asked, server]]), kernel.connections));
  }
  if (args[0] === '--set') return done('');
  const script = called === '--restore' ? linesOf(input) : [called];
  let stderr = '';
  let exitCode = 0;
  for (const [i, line] of script.entries()) {
    if (i >= lines) return killed;
    const { servers, problem } = refuses('ipvsadm', line)
      ? { servers: kernel.servers, problem: 'Memory allocation problem' }
      : editServers(kernel.servers, line, kernel.schedulers);
    kernel.servers = servers;
    // It goes on after a refused line and ends with the status of the last one.
    exitCode = problem === undefined ? 0 : 255;
    if (problem !== undefined) stderr += `${problem}\n`;
  }
  return { exitCode, stdout: '', stderr };
}

function ipset(
  kernel: FakeIpvsKernel,
  args: readonly string[],
  input: string,
  { lines, refuses }: Limits,
): CommandResult {
  const called = args.join(' ');
  if (called === 'save') return done(saveSets(kernel.sets));
  if (called === '--version') return done('ipset v7.17, protocol version: 7\n');
  if (called === 'list -n') return done([...kernel.sets.keys()].map((name) => `${name}\n`).join(''));
  if (called !== '-exist restore') return refused(`ipset v7.17: unknown command ${called}\n`, 1);
  const isReferenced = (name: string) =>
    (['IPv4', 'IPv6'] as const).some((family) => kernel.netfilter.save(family).includes(`--match-set ${name} `));
  for (const [i, line] of linesOf(input).entries()) {
    if (i >= lines) return killed;
    const { sets, problem } = refuses('ipset', line)
      ? { sets: kernel.sets, problem: kernel.faults.refusal ?? 'Kernel error received: Cannot allocate memory' }
      : editSets(kernel.sets, line, isReferenced);
    if (problem !== undefined) return refused(`ipset v7.17: Error in line ${i + 1}: ${problem}\n`, 1);
    kernel.sets = sets;
  }
  return done('');
}

function ip(kernel: FakeIpvsKernel, args: readonly string[], input: string, { lines, refuses }: Limits): CommandResult {
  const called = args.join(' ');
  const [, shown] = /^-o address show dev (\S+)$/.exec(called) ?? [];
  if (shown !== undefined) {
    const bound = kernel.links.get(shown);
    if (bound === undefined) return refused(`Device "${shown}" does not exist.\n`, 1);
    return done(bound.map((address) => addressLine(shown, address)).join(''));
  }
  if (called === '-o route get 198.51.100.0') return done('198.51.100.0 via 192.168.0.254 dev eth0 src 192.168.0.1\n');
  if (called === '-o route get 2001:db8::') return refused('RTNETLINK answers: Network is unreachable\n', 2);
  const goesOn = called === '-force -batch -';
  if (!goesOn && called !== '-batch -') return refused(`Command "${called}" is unknown\n`, 255);
  let stderr = '';
  for (const [i, line] of linesOf(input).entries()) {
    if (i >= lines) return killed;
    const problem = refuses('ip', line) ? 'RTNETLINK answers: Operation not supported' : ipLine(kernel, line);
    if (problem === undefined) continue;
    stderr += `${problem}\nCommand failed -:${i + 1}\n`;
    if (!goesOn) break;
  }
  return { exitCode: stderr === '' ? 0 : 1, stdout: '', stderr };
}

function ipLine(kernel: FakeIpvsKernel, line: string): string | undefined {
  const [, made] = /^link add (\S+) type dummy$/.exec(line) ?? [];
  if (made !== undefined) {
    if (kernel.links.has(made)) return 'RTNETLINK answers: File exists';
    kernel.links.set(made, []);
    return undefined;
  }
  const [, replaced, source] =
    /^route replace local (\S+)\/32 dev \S+ table local proto 213 scope host src (\S+)$/.exec(line) ?? [];
  if (replaced !== undefined && source !== undefined) {
    kernel.sources.set(replaced, source);
    return undefined;
  }
  const [, forgotten] = /^route delete local (\S+)\/\d+ dev \S+ table local proto 213$/.exec(line) ?? [];
  if (forgotten !== undefined)
    return kernel.sources.delete(forgotten) ? undefined : 'RTNETLINK answers: No such process';
  const link = /^link delete (\S+)$/.exec(line)?.[1] ?? / dev (\S+)$/.exec(line)?.[1] ?? '';
  const bound = kernel.links.get(link);
  if (bound === undefined) return `Cannot find device "${link}"`;
  if (line === `link delete ${link}`) {
    kernel.links.delete(link);
    return undefined;
  }
  const match = /^address (add|delete) (\S+)\/(32|128) dev \S+$/.exec(line);
  const address = parseAddress(match?.[2]);
  if (address === undefined) return `Error: cannot parse ${line}`;
  const isThere = bound.includes(address);
  if (match?.[1] === 'add') {
    if (isThere) return 'RTNETLINK answers: File exists';
    kernel.links.set(link, [...bound, address]);
  } else {
    if (!isThere) return 'RTNETLINK answers: Cannot assign requested address';
    kernel.links.set(
      link,
      bound.filter((other) => other !== address),
    );
  }
  return undefined;
}

function addressLine(link: string, address: IpAddress): string {
  const kind = familyOf(address) === 'IPv4' ? 'inet' : 'inet6';
  const length = kind === 'inet' ? 32 : 128;
  return `2: ${link}    ${kind} ${address}/${length} scope global ${link}\\       valid_lft forever preferred_lft forever\n`;
}

function sysctl(kernel: FakeIpvsKernel, args: readonly string[], input: string): CommandResult {
  if (args[0] === '-e') {
    const known = args.slice(1).filter((name) => kernel.sysctls.has(name));
    return done(known.map((name) => `${name} = ${kernel.sysctls.get(name)}\n`).join(''));
  }
  const lines = args[0] === '-w' ? args.slice(1) : linesOf(input);
  for (const line of lines) {
    const [name = '', value = ''] = line.split('=');
    if (!kernel.sysctls.has(name)) {
      return refused(`sysctl: cannot stat /proc/sys/${name.replaceAll('.', '/')}: No such file or directory\n`, 1);
    }
    kernel.sysctls.set(name, value);
  }
  return done(lines.map((line) => `${line.replace('=', ' = ')}\n`).join(''));
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}

const killed: CommandResult = { exitCode: undefined, stdout: '', stderr: '', failure: 'killed' };

function done(stdout: string): CommandResult {
  return { exitCode: 0, stdout, stderr: '' };
}

function refused(stderr: string, exitCode: number): CommandResult {
  return { exitCode, stdout: '', stderr };
}

function notFound(file: string): CommandResult {
  return { exitCode: undefined, stdout: '', stderr: `${file}: not found`, failure: 'not-found' };
}
