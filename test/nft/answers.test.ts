import { userInfo } from 'node:os';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CommandResult, Run } from '../../backends/command.ts';
import { createFakeNft } from '../../backends/nftables/fake/fake-nft.ts';
import { factsOf, type NftReason } from '../../backends/nftables/live/errors.ts';
import type { Target } from '../../backends/target.ts';
import { clusterIP, endpoint, makeIR, makeNode } from '../helpers/ir.ts';
import { modeOf, planeOf } from '../helpers/scope.ts';
import { bootNetwork, type LocalNetwork } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { emptyHost } from '../tables/scratch.ts';

/* What the kernel and nft may answer to a transaction: each is provoked, and what slicewright does then is held. */

const { isolation, lacks } = await probeSupport();

const addresses = (count: number) =>
  Array.from({ length: count }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`).join(',\n');
const table = 'create table ip t\n';
const aSet = `${table}create set ip t s { type ipv4_addr; }\n`;
const large = `${aSet}create element ip t s {\n${addresses(60_000)}\n}\n`;

interface Provoked {
  readonly answer: string;
  readonly reason: NftReason;
  readonly line?: number;
  readonly document: string;
  /** What runs nft with fewer rights or less memory. */
  readonly under?: readonly string[];
}

const provoked: readonly Provoked[] = [
  { answer: 'File exists', reason: 'exists', line: 2, document: `${table}create table ip t\n` },
  { answer: 'No such file or directory', reason: 'missing', line: 2, document: `${table}delete chain ip t nowhere\n` },
  {
    answer: 'Device or resource busy',
    reason: 'busy',
    line: 5,
    document: `${table}create chain ip t a\nadd rule ip t a ip saddr @s accept\ndelete set ip t s\n`.replace(
      table,
      aSet,
    ),
  },
  {
    answer: 'Too many links',
    reason: 'refused',
    line: 5,
    document: `${table}create chain ip t in { type filter hook input priority 0; policy accept; }\ncreate chain ip t a\nadd rule ip t in jump a\nadd rule ip t a jump a\n`,
  },
  {
    answer: 'Operation not supported',
    reason: 'refused',
    line: 2,
    document: `${table}create chain ip t a { type nat hook forward priority 0; policy accept; }\n`,
  },
  {
    // A set is full.
    answer: 'Too many open files in system',
    reason: 'refused',
    line: 5,
    document: `${table}create set ip t s { type ipv4_addr; size 1; }\ncreate element ip t s {\n10.0.0.1,\n10.0.0.2\n}\n`,
  },
  {
    answer: 'Numerical result out of range',
    reason: 'refused',
    line: 3,
    document: `${table}create chain ip t a\nadd rule ip t a numgen random mod 0 vmap { 0 : accept }\n`,
  },
  { answer: 'syntax error', reason: 'not-understood', line: 2, document: `${table}create flute ip t a\n` },
  {
    answer: 'Operation not permitted',
    reason: 'no-privilege',
    document: table,
    under: ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin'],
  },
  {
    // Only the real administrator may make a socket's buffer as large as it takes.
    answer: 'Message too long',
    reason: 'too-large',
    document: large,
    under: ['unshare', '--user', '--map-root-user', '--net'],
  },
  {
    answer: 'Memory allocation failure',
    reason: 'no-memory',
    document: large,
    under: ['sh', '-c', 'ulimit -v 20000; exec "$0" "$@"'],
  },
];

describeIn('network namespace', lacks.namespaces ?? lacks.nft, 'what the real kernel and nft answer', () => {
  let network: LocalNetwork;
  let run: Run;
  beforeAll(async () => {
    network = await bootNetwork(emptyHost, isolation);
    run = network.run('scratch');
  });
  afterEach(async () => {
    await run('nft', ['flush', 'ruleset']);
  });
  afterAll(() => network.close());

  it.each(provoked)('$answer: $reason, and nothing of it is in force', async ({ document, under, ...wanted }) => {
    const result = await run('env', [...(under ?? []), 'nft', '-f', '-'], document);
    expect(result.stderr).toContain(wanted.answer);
    const line = wanted.line === undefined ? {} : { line: wanted.line };
    expect(factsOf(result)).toMatchObject({ reason: wanted.reason, ...line });
    expect((await run('nft', ['list', 'ruleset'])).stdout).toBe('');
  });

  it('what another writer changes between a reading and the transaction, elsewhere, is right after the same full sync', async () => {
    const first: Target = { services: [serviceOf(0), serviceOf(1)], node: makeNode() };
    const second: Target = { services: [serviceOf(0, '10.2.0.9:80'), serviceOf(1)], node: makeNode() };
    const plane = planeOf('nftables', {
      run: async (file, args, input) => {
        if (args[0] === '-f' && rivalWrites !== undefined) await run('nft', ['-f', '-'], rivalWrites);
        if (args[0] === '-f') rivalWrites = undefined;
        return run(file, args, input);
      },
    });
    let rivalWrites: string | undefined;
    await plane.sync(first, 'full');
    rivalWrites = 'delete element ip slicewright cluster-ips { 10.96.0.1 }\n';
    expect(await plane.sync(second, 'full')).toMatchObject({ documents: 2 });
    expect((await plane.sync(second, 'full')).documents).toBe(0);
    // A delta is refused as a whole where it meets the change, and becomes a full sync.
    rivalWrites = 'delete table ip slicewright\n';
    expect(await plane.sync(first, 'delta')).toMatchObject({ depth: 'full', deltaRefused: true });
    expect((await plane.sync(first, 'full')).documents).toBe(0);
  });
});

const notRoot = userInfo().uid === 0 ? undefined : 'a transaction this large needs root';

describeIn('network namespace', lacks.namespaces ?? lacks.nft ?? notRoot, 'more complaints than fit', () => {
  it('are no larger transaction: a table that somebody made after the reading, with more in it than complaints fit, is read and set right', async () => {
    await using network = await bootNetwork(emptyHost, 'root');
    const run = network.run('scratch');
    const services = Array.from({ length: 4000 }, (_, i) => serviceOf(i));
    const wanted: Target = { services, node: makeNode() };
    const text = modeOf('nftables').backend.make(wanted).text();
    let complaints = '';
    let isWritten = false;
    const rival: Run = async (file, args, input) => {
      if (args[0] === '-f' && !isWritten) {
        isWritten = true;
        expect(await run('nft', ['-f', '-'], text)).toMatchObject({ exitCode: 0 });
      }
      const result = await run(file, args, input);
      if (args[0] === '-f') complaints += result.stderr;
      return result;
    };
    const sync = await planeOf('nftables', { run: rival }).sync(wanted, 'full');
    expect(factsOf({ exitCode: 1, stdout: '', stderr: complaints })).toEqual({ reason: 'many-complaints' });
    expect(sync).toMatchObject({
      documents: 0,
      quarantined: [],
      remarks: expect.arrayContaining(['another program changed the table 1 time during a write']),
    });
  });
});

function serviceOf(i: number, at = `10.2.${i >> 8}.${i & 255}:80`) {
  const id = `shop/s${i}:http/TCP/IPv4`;
  const ir = makeIR([clusterIP(`10.96.${i >> 8}.${i & 255}`, 80)], [endpoint(at)], {
    id: id as never,
    service: `shop/s${i}` as never,
  });
  return { ...ir, hash: `${id} ${at}` as never };
}

/* The same answers, once and always, in the place of what nft would have said. */

const healthy: Target = { services: [serviceOf(0), serviceOf(1)], node: makeNode() };
const ended = (failure: CommandResult['failure'] & string): CommandResult => ({
  ...{ exitCode: undefined, stdout: '', stderr: '' },
  failure,
});
const said = (stderr: string): CommandResult => ({ exitCode: 1, stdout: '', stderr: `${stderr}\n` });
const lineOf = (complaint: string) => said(`/dev/stdin:3:1-9: Error: Could not process rule: ${complaint}`);
const netlink = (complaint: string) => said(`netlink: Error: Could not process rule: ${complaint}`);

describe.each([
  ['exists', lineOf('File exists')],
  ['missing', lineOf('No such file or directory')],
  ['busy', lineOf('Device or resource busy')],
  ['refused', lineOf('Operation not supported')],
  ['refused', lineOf('Too many open files in system')],
  ['not-understood', said('/dev/stdin:3:1-9: Error: syntax error, unexpected string')],
  ['many-complaints', netlink('No buffer space available')],
  ['too-large', netlink('Message too long')],
  ['no-memory', netlink('Cannot allocate memory')],
  ['no-privilege', said('netlink: Error: cache initialization failed: Operation not permitted')],
  ['killed', ended('killed')],
  ['killed', ended('timeout')],
  ['not-started', ended('not-started')],
  ['missing-tool', ended('not-found')],
  ['failed', said('Segmentation fault')],
] as const)('%s', (reason, answer) => {
  /** A kernel that answers so to documents as long as it is told. */
  const answering = () => {
    const fake = createFakeNft();
    const state = { fake, times: 0 };
    const run: Run = async (file, args, input) =>
      args[0] === '-f' && state.times-- > 0 ? answer : fake.run(file, args, input);
    return Object.assign(state, { plane: planeOf('nftables', { run }) });
  };

  it('is what it is taken for, and a delta that gets it once becomes a full sync that sets all right', async () => {
    expect(factsOf(answer).reason).toBe(reason);
    const kernel = answering();
    await kernel.plane.sync({ ...healthy, services: [serviceOf(0)] }, 'full');
    kernel.times = 1;
    const sync = await kernel.plane.sync(healthy, 'delta');
    expect(sync).toMatchObject({ depth: 'full', deltaRefused: true, quarantined: [] });
    expect(kernel.fake.ruleset()).toBe(modeOf('nftables').backend.make(healthy).text());
  });

  it('again and again is told as it is, changes nothing and blames no Service of which no line is', async () => {
    const kernel = answering();
    kernel.times = 1000;
    await expect(kernel.plane.sync(healthy, 'full')).rejects.toMatchObject({ name: 'NftError', reason });
    expect(kernel.fake.ruleset()).toBe('');
  });
});
