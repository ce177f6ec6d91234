import { backendNames } from '../../backends/index.ts';
import { documentText } from '../terminal/document.ts';
import type { Io } from '../terminal/io.ts';
import manifest from '../../package.json' with { type: 'json' };

/** What `slicewright version` prints; in its documents the members of kind `Version`. */
export interface Version {
  /** The package's version: `0.1.0`. */
  readonly version: string;
  /** 40 hexadecimal digits, and `-dirty` behind them where files differed from it; absent where sources run unbuilt. */
  readonly gitCommit?: string;
  /** Node's version, without a `v`: `24.21.0`. */
  readonly node: string;
  /** As Go writes it: `linux/amd64`. */
  readonly platform: string;
  readonly backends: readonly string[];
}

/** The build puts it in (tools/build.ts). */
declare const BUILD_COMMIT: string | undefined;

export function thisVersion(): Version {
  const commit = typeof BUILD_COMMIT === 'undefined' ? undefined : BUILD_COMMIT;
  return {
    version: manifest.version,
    ...(commit !== undefined && { gitCommit: commit }),
    node: process.versions.node,
    platform: `${process.platform}/${goArchitecture(process.arch)}`,
    backends: backendNames(),
  };
}

function goArchitecture(architecture: string): string {
  return architecture === 'x64' ? 'amd64' : architecture;
}

export async function versionCommand(version: Version, output: 'text' | 'json' | 'yaml', io: Io): Promise<number> {
  await io.out(output === 'text' ? textOf(version) : await documentText('Version', version, output));
  return 0;
}

function textOf({ version, gitCommit, node, platform, backends }: Version): string {
  const rows = [
    ['slicewright', version],
    ['commit', gitCommit ?? 'unknown: sources run unbuilt, or the build was outside a git checkout'],
    ['Node', node],
    ['platform', platform],
    ['backends', backends.join(', ')],
  ];
  return rows.map(([name = '', value = '']) => `${name.padEnd(11)}  ${value}\n`).join('');
}
