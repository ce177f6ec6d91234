import type { CommandResult } from '../../command.ts';

/** A UDP connection that the kernel remembers: as it came in, and where its answers come from. */
export interface FakeFlow {
  readonly source: string;
  readonly destination: string;
  readonly destinationPort: number;
  readonly replySource: string;
  readonly replySourcePort: number;
}

/**
 * conntrack 1.4.7 as far as slicewright uses it: `-L`, and `-D` with conditions.
 *
 * returns   the flows that stay, and the command's output
 */
export function runConntrack(
  flows: readonly FakeFlow[],
  [verb, ...words]: readonly string[],
): { readonly flows: readonly FakeFlow[]; readonly result: CommandResult } {
  const condition = conditionOf(words);
  if (condition === undefined || (verb !== '-L' && verb !== '-D')) {
    return { flows, result: { exitCode: 2, stdout: '', stderr: `${title}: unknown option\n` } };
  }
  const met = flows.filter(condition);
  const count = `${title}: ${met.length} flow entries have been`;
  if (verb === '-L') {
    return { flows, result: { exitCode: 0, stdout: met.map(flowLine).join(''), stderr: `${count} shown.\n` } };
  }
  return {
    flows: flows.filter((flow) => !condition(flow)),
    result: { exitCode: met.length > 0 ? 0 : 1, stdout: met.map(flowLine).join(''), stderr: `${count} deleted.\n` },
  };
}

const title = 'conntrack v1.4.7 (conntrack-tools)';

function flowLine({ source, destination, destinationPort, replySource, replySourcePort }: FakeFlow): string {
  const original = `src=${source} dst=${destination} sport=5000 dport=${destinationPort}`;
  const reply = `src=${replySource} dst=${source} sport=${replySourcePort} dport=5000`;
  return `udp      17 29 ${original} [UNREPLIED] ${reply} mark=0 use=1\n`;
}

function conditionOf(words: readonly string[]): ((flow: FakeFlow) => boolean) | undefined {
  if (words.length % 2 !== 0) return undefined;
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
