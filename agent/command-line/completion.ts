import { Argument, type Command } from 'commander';
import { type Shell, shells } from '../commands/shells.ts';
import { withUsageErrors } from '../terminal/usage-errors.ts';
import { io } from './io.ts';

export function addCompletion(program: Command): void {
  withUsageErrors(program.command('completion'))
    .summary('print a script that completes commands and options in a shell')
    .addArgument(new Argument('<shell>').choices(shells))
    .addHelpText(
      'after',
      `
Examples:
  source <(slicewright completion bash)
  source <(slicewright completion zsh)
  slicewright completion fish > ~/.config/fish/completions/slicewright.fish
  slicewright completion powershell | Out-String | Invoke-Expression`,
    )
    .action(async (shell: Shell) => {
      const { completionScript } = await import('../commands/completion.ts');
      await io.out(completionScript(shell, program));
    });
  addOffer(program);
}

/** What those scripts and kubectl call at each completion. */
function addOffer(program: Command): void {
  withUsageErrors(program.command('__complete', { hidden: true }))
    .argument('[words...]')
    .option('--next', 'a new word begins after these')
    .action(async (words: readonly string[], { next }: { readonly next?: boolean }) => {
      const { offerFor, offerText } = await import('../commands/offer.ts');
      await io.out(offerText(offerFor(program, next === true ? [...words, ''] : words)));
    });
}
