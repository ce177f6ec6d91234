import type { Run } from '../../backends/command.ts';
import type { Family } from '../../compiler/values/address.ts';
import type { Topology } from '../netns/topology.ts';

export type Mode = 'nft' | 'legacy';
export const modes: readonly Mode[] = ['nft', 'legacy'];

/** An empty host, for making scratch namespaces. */
export const emptyHost: Topology = { hosts: [{ name: 'scratch', role: 'endpoint' }], wires: [] };

export interface Loaded {
  readonly exitCode: number;
  /** The output of iptables-save afterwards, both streams. */
  readonly saved: string;
  readonly complaints: string;
}

/**
 * Loads each text by `iptables-restore --noflush` into a separate, empty network namespace and
 * saves it again, all in one shell: hundreds of texts take seconds.
 *
 * before  another text, which is loaded first
 */
export async function loadEach(
  run: Run,
  mode: Mode,
  texts: readonly { readonly family: Family; readonly text: string; readonly before?: string }[],
): Promise<Loaded[]> {
  const script = texts.map(({ family, text, before = '' }) => {
    const tool = `${family === 'IPv4' ? 'iptables' : 'ip6tables'}-${mode}`;
    return [
      `unshare --net sh -c '${tool}-restore --noflush <&3; ${tool}-restore --noflush <&4 2>&5; echo "${mark} $?";`,
      `  ${tool}-save; echo "${mark}"; cat /run/complaints; echo "${mark}"' 3<<'${mark}' 4<<'${mark}' 5>/run/complaints`,
      `${before}${mark}`,
      `${text}${mark}`,
    ].join('\n');
  });
  const { exitCode, stdout, stderr } = await run('sh', ['-s'], script.join('\n'));
  const parts = stdout.split(mark);
  if (exitCode !== 0 || parts.length !== texts.length * 3 + 1) throw new Error(`the scratch shell failed: ${stderr}`);
  return texts.map((_, i) => {
    const [status = '', complaints = ''] = [parts[i * 3 + 1], parts[i * 3 + 2]];
    const [code = '', ...saved] = status.split('\n');
    return { exitCode: Number(code), saved: saved.join('\n'), complaints: complaints.trim() };
  });
}

/** A line that appears in none of slicewright's programs. */
const mark = '=====SCRATCH=====';
