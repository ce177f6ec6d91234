import type { Run } from '../../backends/command.ts';

export type TableMode = 'iptables' | 'nftables';

async function succeed(run: Run, file: string, args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await run(file, [...args]);
  if (exitCode !== 0) throw new Error(`${file} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Empties the tables as a firewall does when it is reloaded. */
export const flushers: Readonly<Record<TableMode, (run: Run) => Promise<void>>> = {
  iptables: async (run) => {
    for (const table of ['nat', 'filter']) await succeed(run, 'iptables', ['--wait', '60', '-t', table, '-F']);
  },
  nftables: async (run) => void (await succeed(run, 'nft', ['flush', 'ruleset'])),
};

/**
 * Whether the kernel has rules for the addresses: asked from the tools alone, not from the program that wrote the
 * rules.
 */
export async function isInForce(run: Run, mode: TableMode, addresses: readonly string[]): Promise<boolean> {
  if (mode === 'nftables') {
    const { exitCode, stdout } = await run('nft', ['list', 'table', 'ip', 'slicewright']);
    const hooks = ['prerouting', 'output'].every((name) => new RegExp(`hook ${name} priority`).test(stdout));
    return exitCode === 0 && hooks && addresses.every((address) => stdout.includes(`${address} . tcp . 80 `));
  }
  const saved = await succeed(run, 'iptables-save', ['-t', 'nat']);
  const jumps = ['PREROUTING', 'OUTPUT'].every((name) =>
    new RegExp(`^-A ${name} .*-j KUBE-SERVICES$`, 'm').test(saved),
  );
  return jumps && addresses.every((address) => saved.includes(`-A KUBE-SERVICES -d ${address}/32 `));
}
