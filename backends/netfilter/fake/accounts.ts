import type { CommandResult } from '../../command.ts';

/**
 * nfacct 1.0.2 as far as slicewright uses it: `list`, `add` and `delete`.
 *
 * accounts   packets by the name of the object; changed in place
 * isNamed    whether a rule counts in it
 */
export function runNfacct(
  accounts: Map<string, number>,
  [verb, name = '']: readonly string[],
  isNamed: (name: string) => boolean,
): CommandResult {
  switch (verb) {
    case 'list':
      return { exitCode: 0, stdout: [...accounts].map(accountLine).join(''), stderr: '' };
    case 'add':
      if (accounts.has(name)) return failed('Device or resource busy');
      accounts.set(name, 0);
      return done;
    case 'delete':
      if (!accounts.has(name)) return failed('No such file or directory');
      if (isNamed(name)) return failed('Device or resource busy');
      accounts.delete(name);
      return done;
    default:
      return failed('Unknown command');
  }
}

const done: CommandResult = { exitCode: 0, stdout: '', stderr: '' };

function failed(why: string): CommandResult {
  return { exitCode: 1, stdout: '', stderr: `nfacct v1.0.2: error: ${why}\n` };
}

function accountLine([name, packets]: readonly [string, number]): string {
  const digits = (count: number) => String(count).padStart(20, '0');
  return `{ pkts = ${digits(packets)}, bytes = ${digits(packets * 60)} } = ${name};\n`;
}
