import type { CommandResult, Run } from '../../backends/command.ts';
import { createFakeIpvsKernel, type FakeIpvsKernel } from '../../backends/ipvs/fake/kernel.ts';

/** A machine's settings, modules and files in memory, with IPVS behind the same interface. */
export interface FakeNode {
  readonly run: Run;
  readonly sysctls: Map<string, string>;
  readonly files: Map<string, string>;
  readonly modules: Set<string>;
  readonly kernel: FakeIpvsKernel;
  /** Everything that was written, in order. */
  readonly written: string[];
}

export interface NodeFaults {
  /** Settings that cannot be written, as in a container's /proc/sys. */
  readonly readOnly?: (name: string) => boolean;
  readonly readOnlySysfs?: boolean;
  /** No CAP_SYS_MODULE. */
  readonly noModules?: boolean;
  /** Settings of conntrack come with its module, which is not loaded yet. */
  readonly asleep?: boolean;
}

const conntrack = {
  'net.netfilter.nf_conntrack_max': '65536',
  'net.netfilter.nf_conntrack_tcp_timeout_established': '432000',
  'net.netfilter.nf_conntrack_tcp_timeout_close_wait': '60',
  'net.netfilter.nf_conntrack_udp_timeout': '30',
  'net.netfilter.nf_conntrack_udp_timeout_stream': '120',
  'net.netfilter.nf_conntrack_tcp_be_liberal': '0',
};

export const hashSizeFile = '/sys/module/nf_conntrack/parameters/hashsize';

export function createFakeNode(faults: NodeFaults = {}): FakeNode {
  const kernel = createFakeIpvsKernel();
  const { sysctls } = kernel;
  const files = new Map([[hashSizeFile, '16384']]);
  const modules = new Set<string>();
  const written: string[] = [];
  sysctls.set('net.ipv4.conf.all.route_localnet', '0');
  const wake = (): void => {
    modules.add('nf_conntrack');
    for (const [name, value] of Object.entries(conntrack)) if (!sysctls.has(name)) sysctls.set(name, value);
  };
  if (faults.asleep !== true) wake();
  const tools: Readonly<Record<string, (args: readonly string[], input: string) => CommandResult | undefined>> = {
    ls: () => done([...modules].join('\n')),
    modprobe: ([name = '']) => {
      if (faults.noModules === true)
        return failed(`modprobe: ERROR: could not insert '${name}': Operation not permitted`);
      if (name === 'nf_conntrack') wake();
      modules.add(name);
      return done('');
    },
    conntrack: ([option]) => {
      if (option === '-C') wake();
      return option === '-C' ? done('0\n') : undefined;
    },
    cat: ([path = '']) => {
      const text = files.get(path);
      return text === undefined ? failed(`cat: ${path}: No such file or directory`) : done(`${text}\n`);
    },
    tee: ([path = ''], input) => {
      if (faults.readOnlySysfs === true) return failed(`tee: ${path}: Read-only file system`);
      files.set(path, input.trim());
      written.push(`${path} ${input.trim()}`);
      return done(input);
    },
    sysctl: ([option, what = '']) => {
      if (option !== '-w') return undefined;
      const [name = ''] = what.split('=');
      if (faults.readOnly?.(name) === true) return failed(`sysctl: permission denied on key "${name}"`);
      written.push(what);
      return undefined;
    },
  };
  return {
    sysctls,
    files,
    modules,
    kernel,
    written,
    run: async (file, args, input = '') => tools[file]?.(args, input) ?? kernel.run(file, args, input),
  };
}

function done(stdout: string): CommandResult {
  return { exitCode: 0, stdout, stderr: '' };
}

function failed(stderr: string): CommandResult {
  return { exitCode: 1, stdout: '', stderr: `${stderr}\n` };
}
