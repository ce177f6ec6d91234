import type { Command } from 'commander';
import { completionScript } from '../../agent/commands/completion.ts';
import type { Shell } from '../../agent/commands/shells.ts';
import { manPages } from './man.ts';

/** By the name that each shell looks for where it loads completions from. */
const scriptNames: Readonly<Record<Shell, string>> = {
  bash: 'slicewright',
  zsh: '_slicewright',
  fish: 'slicewright.fish',
  powershell: 'slicewright.ps1',
};

/** What `make build` writes beside the program, made from its commands: path in dist/ → text. */
export function extraFiles(program: Command, version: string): ReadonlyMap<string, string> {
  const scripts = Object.entries(scriptNames) as readonly [Shell, string][];
  return new Map([
    ...[...manPages(program, version)].map(([name, text]) => [`man/${name}`, text] as const),
    ...scripts.map(([shell, name]) => [`completions/${shell}/${name}`, completionScript(shell, program)] as const),
  ]);
}
