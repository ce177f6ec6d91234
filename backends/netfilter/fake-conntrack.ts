import type { CommandResult } from '../command.ts';

/** A UDP connection that the kernel remembers: as it came in, and where its answers come from. */
export interface FakeFlow {
  readonly source: string;
  readonly destination: string;
  readonly destinationPort: number;
  readonly replySource: string;
  readonly replySourcePort: number;
}

/**
 * conntrack 1.4.7 as far as we use it: `-D` with conditions, and `-R -` with such lines on
 * standard input.
 *
 * returns   the flows that stay, and what the command says
 */
export function forgetFlows(
  flows: readonly FakeFlow[],
  args: readonly string[],
  input: string,
): { readonly flows: readonly FakeFlow[]; readonly result: CommandResult } {
  const isBatch = args[0] === '-R' && args[1] === '-' && args.length === 2;
  const commands = isBatch
    ? input
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.split(' '))
    : [args];
  let left = flows;
  for (const command of commands) {
    const condition = conditionOf(command);
    if (condition === undefined) {
      const stderr = 'conntrack v1.4.7 (conntrack-tools): unknown option\n';
      return { flows: left, result: { exitCode: 2, stdout: '', stderr } };
    }
    left = left.filter((flow) => !condition(flow));
  }
  const deleted = flows.length - left.length;
  const stderr = isBatch ? '' : `conntrack v1.4.7 (conntrack-tools): ${deleted} flow entries have been deleted.\n`;
  return { flows: left, result: { exitCode: isBatch || deleted > 0 ? 0 : 1, stdout: '', stderr } };
}

function conditionOf([verb, ...words]: readonly string[]): ((flow: FakeFlow) => boolean) | undefined {
  if (verb !== '-D' || words.length % 2 !== 0) return undefined;
  const tests: ((flow: FakeFlow) => boolean)[] = [];
  for (let i = 0; i < words.length; i += 2) {
    const [option, value] = [words[i] as string, words[i + 1] as string];
    const test = testOf(option, value);
    if (test === undefined) return undefined;
    tests.push(test);
  }
  return (flow) => tests.every((test) => test(flow));
}

function testOf(option: string, value: string): ((flow: FakeFlow) => boolean) | undefined {
  switch (option) {
    case '-p':
      return value === 'udp' ? () => true : undefined;
    case '-f':
      return value === 'ipv4' || value === 'ipv6'
        ? (flow) => flow.destination.includes(':') === (value === 'ipv6')
        : undefined;
    case '--orig-dst':
      return (flow) => flow.destination === value;
    case '--orig-port-dst':
      return (flow) => flow.destinationPort === Number(value);
    case '--reply-src':
      return (flow) => flow.replySource === value;
    case '--reply-port-src':
      return (flow) => flow.replySourcePort === Number(value);
    default:
      return undefined;
  }
}
