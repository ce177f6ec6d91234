import type { Command } from 'commander';
import { completionScript } from '../../agent/commands/completion.ts';
import type { Shell } from '../../agent/commands/shells.ts';
import { manPages } from './man.ts';

/** The file name by which each shell finds completions. */
const scriptNames: Readonly<Record<Shell, string>> = {
  bash: 'slicewright',
  zsh: '_slicewright',
  fish: 'slicewright.fish',
  powershell: 'slicewright.ps1',
};

/** The files that `make build` writes beside the program, made from its commands: path in dist/ → text. */
export function extraFiles(program: Command, version: string): ReadonlyMap<string, string> {
  const scripts = Object.entries(scriptNames) as readonly [Shell, string][];
  return new Map([
    ...[...manPages(program, version)].map(([name, text]) => [`man/${name}`, text] as const),
    ...scripts.map(([shell, name]) => [`completions/${shell}/${name}`, completionScript(shell, program)] as const),
  ]);
}
