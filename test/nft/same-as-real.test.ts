import fc from 'fast-check';
import { expect, it } from 'vitest';
import { assemble } from '../../backends/assemble.ts';
import { createFakeNft } from '../../backends/nftables/fake/fake-nft.ts';
import { nftables } from '../../backends/nftables/index.ts';
import { printTransaction } from '../../backends/nftables/plan/command.ts';
import { planTransaction } from '../../backends/nftables/plan/plan.ts';
import { parseListing } from '../../backends/nftables/program/parse.ts';
import type { NftProgram } from '../../backends/nftables/program/program.ts';
import { arbitraryNode, arbitraryServices } from '../helpers/arbitrary-ir.ts';
import { clusterIP, endpoint, makeIR, makeNode } from '../helpers/ir.ts';
import { meetingNode, meetingServices } from '../helpers/meeting-services.ts';
import { bootNetwork } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { emptyHost } from '../tables/scratch.ts';
import { changeEach } from './scratch.ts';

const { isolation, lacks } = await probeSupport();

const program = assemble(
  nftables,
  [
    makeIR([clusterIP('10.96.0.1', 80)], [endpoint('10.1.0.1:8080')]),
    makeIR([clusterIP('10.96.0.2', 80)], [endpoint('10.1.0.2:8080')], {
      id: 'shop/sticky:http/TCP/IPv4' as never,
      service: 'shop/sticky' as never,
      affinity: { kind: 'clientIP', seconds: 60 },
    }),
  ],
  makeNode(),
).program;
const before = textOf(undefined, program);
const spread = 'spread-masquerade-strangers/tcp/1';
const sticky = 'cluster/shop/sticky/tcp/http';

/** What a reading that is out of date, another writer, or a mistake of ours would ask of the kernel. */
const documents: readonly string[] = [
  'create table ip slicewright',
  'create chain ip slicewright refuse',
  'create set ip slicewright guarded { type ipv4_addr . inet_proto . inet_service; }',
  'create map ip slicewright services { type ipv4_addr . inet_proto . inet_service : verdict; }',
  'create element ip slicewright cluster-ips { 10.96.0.1 }',
  'create element ip slicewright cluster-ips {\n10.96.0.9,\n10.96.0.1\n}',
  `create element ip slicewright services { 10.96.0.1 . tcp . 80 : goto ${spread} }`,
  'add element ip slicewright services { 10.96.0.1 . tcp . 80 : drop }',
  'delete element ip slicewright cluster-ips { 10.96.0.9 }',
  'delete element ip slicewright services {\n10.96.0.1 . tcp . 80,\n10.96.0.9 . tcp . 80\n}',
  'delete element ip slicewright nowhere { 10.96.0.9 }',
  'create element ip slicewright nowhere { 10.96.0.9 }',
  'create element ip slicewright services { 10.96.0.9 . tcp . 80 : goto nowhere }',
  `delete chain ip slicewright ${spread}`,
  `delete chain ip slicewright ${sticky}`,
  'delete chain ip slicewright nowhere',
  'flush chain ip slicewright nowhere',
  'add rule ip slicewright nowhere accept',
  'add rule ip slicewright refuse goto nowhere',
  'add rule ip slicewright refuse ip saddr @nowhere accept',
  'delete set ip slicewright guarded',
  'delete set ip slicewright affinity/shop/sticky/tcp/http/10.1.0.2/8080',
  'delete set ip slicewright nowhere',
  'delete map ip slicewright services',
  'delete table ip nowhere',
  'create chain ip nowhere x',
  'add rule ip slicewright refuse goto check-passing',
  'add rule ip slicewright refuse masquerade fully-random',
  // What is freed in one transaction can go in it, and a name can come back.
  `delete element ip slicewright services { 10.96.0.1 . tcp . 80 }\ndelete chain ip slicewright ${spread}`,
  `delete element ip slicewright services { 10.96.0.1 . tcp . 80 }\nflush chain ip slicewright ${spread}\ndelete chain ip slicewright ${spread}\ncreate chain ip slicewright ${spread}`,
  'delete table ip slicewright\ncreate table ip slicewright\ncreate chain ip slicewright output { type nat hook output priority -100; policy accept; }',
  // All or nothing: the first of these two could be done.
  'delete element ip slicewright cluster-ips { 10.96.0.1 }\ndelete chain ip slicewright nowhere',
];

function textOf(observed: NftProgram | undefined, desired: NftProgram): string {
  const transaction = planTransaction(observed, desired);
  return transaction === undefined ? '' : printTransaction(transaction);
}

const firstLine = (text: string) => text.split('\n')[0] ?? '';

describeIn('network namespace', lacks.namespaces ?? lacks.nft, 'the nft in memory', () => {
  it('takes and refuses what the real one does, in its words', async () => {
    await using network = await bootNetwork(emptyHost, isolation);
    const real = await changeEach(
      network.run('scratch'),
      documents.map((document) => ({ before, change: `${document}\n` })),
    );
    for (const [i, document] of documents.entries()) {
      const fake = createFakeNft({ ruleset: before });
      const { stderr } = await fake.run('nft', ['-f', '-'], `${document}\n`);
      const found = { document, complaint: firstLine(stderr), ruleset: fake.ruleset() };
      expect(found).toEqual({
        document,
        complaint: firstLine(real[i]?.complaints ?? ''),
        ruleset: canonical(real[i]?.listed),
      });
    }
  });

  it('and plans lead the real one from any program to any other, each in one transaction', async () => {
    const arbitraryProgram = fc.oneof(
      fc.tuple(meetingServices, meetingNode).map(([services, node]) => assemble(nftables, services, node).program),
      fc
        .tuple(arbitraryServices(), arbitraryNode())
        .map(([services, node]) => assemble(nftables, services, node).program),
    );
    const pairs = fc.sample(fc.tuple(arbitraryProgram, arbitraryProgram), { numRuns: 60, seed: 13 });
    await using network = await bootNetwork(emptyHost, isolation);
    const real = await changeEach(
      network.run('scratch'),
      pairs.map(([from, to]) => ({ before: textOf(undefined, from), change: textOf(from, to) })),
    );
    for (const [i, [, to]] of pairs.entries()) {
      expect(real[i]?.complaints).toBe('');
      expect(canonical(real[i]?.listed)).toBe(nftables.print(to));
    }
  });
});

/** A listing in the order in which programs are printed. */
function canonical(listed = ''): string {
  return [...(parseListing(listed)?.values() ?? [])].map(({ program: found }) => nftables.print(found)).join('');
}
