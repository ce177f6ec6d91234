/**
 * How long the first packet of a connection takes through the rules, with one Service and with many.
 *
 *     make latency [SIZES=1,10000] [MODES=nftables,iptables]
 *
 * A process writes TCP SYNs to a tun device of an otherwise empty namespace and reads the packets that the node
 * forwards. So the time covers a packet's way through hooks and rules, and two system calls of one process. The dialled
 * Service is the last in the order of the rules. Medians of 2000; ratios mean something on any machine.
 */
import { userInfo } from 'node:os';
import { fileURLToPath } from 'node:url';
import { byName } from '../../backends/index.ts';
import { probeSupport } from '../../test/netns/probe.ts';
import { wantedOf } from './cluster.ts';
import { inNamespace } from './meter.ts';
import { clusterObjects } from './objects.ts';

const sizes = (process.env.SIZES ?? '1,10000').split(',').map(Number);
const modes = (process.env.MODES ?? 'nftables,iptables').split(',');
const loads: Readonly<Record<string, string>> = { nftables: 'nft -f -', iptables: 'iptables-nft-restore --noflush' };
const program = fileURLToPath(new URL('latency.pl', import.meta.url));

const { lacks, isolation } = await probeSupport();
if (lacks.namespaces !== undefined) {
  console.error(`It needs network namespaces, and this machine refuses them: ${lacks.namespaces}`);
  process.exit(1);
}
console.log(
  `| Services | ${modes.map((mode) => `${mode}, µs`).join(' | ')} |\n| ---: |${modes.map(() => ' ---: |').join('')}`,
);
for (const size of sizes) {
  const wanted = wantedOf(clusterObjects(size, 1));
  const last = wanted.services.at(-1);
  const [frontend] = last?.frontends ?? [];
  if (frontend === undefined || frontend.kind !== 'clusterIP') throw new Error('no Service');
  const medians: string[] = [];
  for (const mode of modes) {
    const text = (await byName(mode)).make(wanted).text();
    const micros = await inNamespace(userInfo().uid === 0 ? 'root' : isolation, async ({ run }) => {
      const [tool = '', ...args] = (loads[mode] ?? '').split(' ');
      const loaded = await run(tool, args, text);
      if (loaded.exitCode !== 0) throw new Error(loaded.stderr.split('\n')[0]);
      const walked = await run('perl', [program, frontend.address, String(frontend.port)]);
      if (walked.exitCode !== 0) throw new Error(walked.stderr);
      return walked.stdout.trim();
    });
    medians.push(micros);
  }
  console.log(`| ${size} | ${medians.join(' | ')} |`);
}
