import type { Command, Option } from 'commander';
import { placesIn, visibleCommands, visibleOptions } from '../../agent/terminal/command-tree.ts';

/**
 * A man page for the program and for each of its commands: `slicewright-explain-packet.1` → roff, in the macros of man(7).
 *
 * version   stands in the footer
 */
export function manPages(program: Command, version: string): ReadonlyMap<string, string> {
  const all = [{ path: [], command: program }, ...placesIn(program)];
  return new Map(
    all.map(({ path, command }) => {
      const names = [program.name(), ...path];
      return [`${names.join('-')}.1`, pageOf(names, command, version)];
    }),
  );
}

function pageOf(names: readonly string[], command: Command, version: string): string {
  const page = names.join('-');
  const about = command.summary() || command.description();
  const parts = [
    `.TH "${roff(page.toUpperCase())}" 1 "" "slicewright ${roff(version)}" "slicewright"`,
    // A flag that is broken by a hyphen cannot be searched for, or copied.
    '.nh\n.ad l',
    section('NAME', [`${roff(page)} \\- ${roff(about.replace(/\.$/, ''))}`]),
    section('SYNOPSIS', [`\\fB${roff(names.join(' '))}\\fR ${roff(command.usage())}`]),
    section('DESCRIPTION', paragraphs(command.description() || command.summary())),
    section(
      'COMMANDS',
      visibleCommands(command).flatMap((child) => commandItem(page, child)),
    ),
    section(
      'OPTIONS',
      visibleOptions(command).flatMap((option) => optionItem(command, option)),
    ),
    ...textAfterHelp(command).map(shownBlock),
    section('SEE ALSO', [seeAlso(names, command)]),
  ];
  return `${parts.filter((part) => part !== '').join('\n')}\n`;
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : [`.SH "${roff(title)}"`, ...lines].join('\n');
}

function paragraphs(text: string): string[] {
  return text.split('\n').flatMap((line) => ['.PP', roff(line)]);
}

function commandItem(page: string, child: Command): string[] {
  return ['.TP', `\\fB${roff(`${page}-${child.name()}`)}\\fR(1)`, roff(child.summary())];
}

/** `-f, --filename <path>` with its text, choices and default, as help shows them. */
function optionItem(command: Command, option: Option): string[] {
  const flags = roff(option.flags)
    .replace(/(^|, )(\\-[^ ,]+)/g, '$1\\fB$2\\fR')
    .replace(/<([^>]*)>/g, '\\fI$1\\fR');
  return ['.TP', flags, roff(command.createHelp().optionDescription(option))];
}

/** The text after help's lists: blocks of a title, `Examples:`, and lines. */
function textAfterHelp(command: Command): string[] {
  let text = '';
  command.configureOutput({
    writeOut: (piece) => {
      text += piece;
    },
  });
  command.outputHelp();
  return text
    .slice(command.helpInformation().length)
    .split(/\n(?=\S[^\n]*:\n)/)
    .map((block) => block.trim())
    .filter((block) => block !== '');
}

function shownBlock(block: string): string {
  const [title = '', ...lines] = block.split('\n');
  const shown = ['.PP', '.nf', ...lines.map(roff), '.fi'];
  const heading = title.replace(/:$/, '');
  return section(/^Examples?$/.test(heading) ? 'EXAMPLES' : heading.toUpperCase(), shown);
}

function seeAlso(names: readonly string[], command: Command): string {
  const parent = names.length > 1 ? [names.slice(0, -1).join('-')] : [];
  const siblings = command.parent === null ? [] : visibleCommands(command.parent).filter((other) => other !== command);
  const pages = [...parent, ...siblings.map((other) => [...names.slice(0, -1), other.name()].join('-'))];
  return (pages.length > 0 ? pages : ['kubectl', 'iptables-save', 'ipvsadm', 'nft']).map(reference).join(', ');
}

function reference(page: string): string {
  const inSection8 = ['iptables-save', 'ipvsadm', 'nft'].includes(page);
  return `\\fB${roff(page)}\\fR(${inSection8 ? 8 : 1})`;
}

const special: Readonly<Record<string, string>> = {
  '\\': '\\e',
  '-': '\\-',
  "'": '\\(aq',
  '"': '\\(dq',
  '`': '\\(ga',
  '~': '\\(ti',
  '^': '\\(ha',
};

/** Text that roff shows character for character; a dot at the beginning of a line is not read as a macro. */
export function roff(text: string): string {
  return text.replace(/[\\'"`~^-]/g, (character) => special[character] ?? character).replace(/^\./, '\\&.');
}
