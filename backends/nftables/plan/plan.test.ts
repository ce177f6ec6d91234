import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { arbitraryNode, arbitraryServices } from '../../../test/helpers/arbitrary-ir.ts';
import { address, clusterIP, endpoint, makeIR, makeNode, port, service } from '../../../test/helpers/ir.ts';
import { meetingNode, meetingServices } from '../../../test/helpers/meeting-services.ts';
import { assemble } from '../../assemble.ts';
import { createFakeNft } from '../fake/fake-nft.ts';
import { nftables } from '../index.ts';
import { parseElement } from '../program/element.ts';
import { nameOf } from '../program/names.ts';
import { parseListing } from '../program/parse.ts';
import { parseRule } from '../program/parse-rule.ts';
import { printProgram } from '../program/print.ts';
import type { NftProgram } from '../program/program.ts';
import { printTransaction } from './command.ts';
import { planDeparture, planTransaction, splitRemoval } from './plan.ts';

function programOf(services: readonly ServicePortIR[], node: NodeContext = makeNode()): NftProgram {
  return assemble(nftables, services, node).program;
}

/** What a reading of a kernel gives: values that are equal to those of the program, and not the same. */
function readAgain(program: NftProgram): NftProgram {
  const [table] = parseListing(printProgram(program))?.values() ?? [];
  if (table === undefined) throw new Error('no table');
  expect(table.strange).toEqual([]);
  return table.program;
}

function textOf(observed: NftProgram | undefined, desired: NftProgram): string {
  const transaction = planTransaction(observed, desired);
  return transaction === undefined ? '' : printTransaction(transaction);
}

const arbitraryProgram = fc.oneof(
  fc.tuple(meetingServices, meetingNode).map(([services, node]) => programOf(services, node)),
  fc.tuple(arbitraryServices(), arbitraryNode()).map(([services, node]) => programOf(services, node)),
);

describe.each(['\n', '\r', '\0', '\u001b'])('a line with %j in it', (sign) => {
  it('is no rule and no element', () => {
    const rules = [`ip daddr 10.0.0.1${sign}drop`, `drop comment "a${sign}b"`, `iifname "a${sign}b" drop`];
    expect(rules.map((line) => parseRule('IPv4', line))).toEqual([undefined, undefined, undefined]);
    const set = { key: ['address'], data: 'none' } as const;
    const elements = [`10.0.0.1${sign}`, `10.0.0.1${sign}comment "a"`, `10.0.0.1 comment "a${sign}b"`];
    expect(elements.map((text) => parseElement('IPv4', set, text))).toEqual([undefined, undefined, undefined]);
  });

  it('is in no transaction', () => {
    const rule = { kind: 'addRule', chain: nameOf('refuse'), line: `reject${sign}flush ruleset` } as const;
    const transaction = { family: 'IPv4', table: nameOf('slicewright'), commands: [rule] } as const;
    expect(() => printTransaction(transaction)).toThrow('must not say "reject');
  });
});

describe('a plan', () => {
  it('is empty where nothing differs, as made and as read', () => {
    fc.assert(
      fc.property(arbitraryProgram, (program) => {
        expect(textOf(program, program)).toBe('');
        expect(textOf(readAgain(program), program)).toBe('');
        expect(textOf(program, readAgain(program))).toBe('');
      }),
      { numRuns: 60 },
    );
  });

  it('leads from any program to any other, in one transaction', () => {
    fc.assert(
      fc.property(arbitraryProgram, arbitraryProgram, (before, after) => {
        const fake = createFakeNft();
        fake.write(textOf(undefined, before));
        expect(fake.ruleset()).toBe(printProgram(before));
        const change = textOf(readAgain(before), after);
        if (change !== '') fake.write(change);
        expect(fake.ruleset()).toBe(printProgram(after));
      }),
      { numRuns: 60 },
    );
  });

  it('can have its removals cut off for a kernel that calls freed chains busy', () => {
    fc.assert(
      fc.property(arbitraryProgram, arbitraryProgram, (before, after) => {
        const fake = createFakeNft({ holdsFreed: true });
        fake.write(textOf(undefined, before));
        const transaction = planTransaction(before, after);
        for (const part of transaction === undefined ? [] : splitRemoval(transaction))
          fake.write(printTransaction(part));
        expect(fake.ruleset()).toBe(printProgram(after));
      }),
      { numRuns: 60 },
    );
  });

  it('takes a table away as a whole', () => {
    const fake = createFakeNft();
    const program = programOf([makeIR([clusterIP('10.96.0.1', 80)], [endpoint('10.1.0.1:8080')])]);
    fake.write(textOf(undefined, program));
    fake.write(printTransaction(planDeparture(program)));
    expect(fake.ruleset()).toBe('');
  });
});

describe('a change costs what changed', () => {
  const others = Array.from({ length: 50 }, (_, i) =>
    makeIR([clusterIP(`10.96.1.${i}`, 80)], [endpoint(`10.1.1.${i}:80`)], {
      id: `shop/other-${i}:http/TCP/IPv4` as ServicePortIR['id'],
      service: service(`shop/other-${i}`),
    }),
  );
  const cart = (...endpoints: string[]) =>
    makeIR(
      [clusterIP('10.96.0.1', 80)],
      endpoints.map((text) => endpoint(text)),
    );

  it('one endpoint of another address: its elements', () => {
    const before = programOf([cart('10.1.0.1:8080', '10.1.0.2:8080'), ...others]);
    const after = programOf([cart('10.1.0.1:8080', '10.1.0.3:8080'), ...others]);
    expect(textOf(before, after)).toBe(`delete element ip slicewright hairpin {
10.1.0.2 . 10.1.0.2 . tcp . 8080
}
delete element ip slicewright endpoints/tcp {
10.96.0.1 . 80 . 1
}
create element ip slicewright hairpin {
10.1.0.3 . 10.1.0.3 . tcp . 8080
}
create element ip slicewright endpoints/tcp {
10.96.0.1 . 80 . 1 : 10.1.0.3 . 8080
}
`);
  });

  it('one endpoint more: its elements, where they are chosen, and the chain for as many', () => {
    const before = programOf([cart('10.1.0.1:8080'), ...others]);
    const after = programOf([cart('10.1.0.1:8080', '10.1.0.2:8080'), ...others]);
    expect(textOf(before, after)).toBe(`delete element ip slicewright services {
10.96.0.1 . tcp . 80
}
create chain ip slicewright spread-masquerade-strangers/tcp/2
add rule ip slicewright spread-masquerade-strangers/tcp/2 ip saddr != 10.1.0.0/16 meta mark set meta mark | 0x00004000
add rule ip slicewright spread-masquerade-strangers/tcp/2 dnat ip to ip daddr . tcp dport . numgen random mod 2 map @endpoints/tcp
create element ip slicewright services {
10.96.0.1 . tcp . 80 comment "shop/cart:http" : goto spread-masquerade-strangers/tcp/2
}
create element ip slicewright hairpin {
10.1.0.2 . 10.1.0.2 . tcp . 8080
}
create element ip slicewright endpoints/tcp {
10.96.0.1 . 80 . 1 : 10.1.0.2 . 8080
}
`);
  });

  it('a Service that goes: its elements and chains, these last', () => {
    const remembers = makeIR(
      [clusterIP('10.96.0.9', 80), { kind: 'nodePort', port: port(30080) }],
      [endpoint('10.1.0.9:80')],
      {
        id: 'shop/sticky:http/TCP/IPv4' as ServicePortIR['id'],
        service: service('shop/sticky'),
        affinity: { kind: 'clientIP', seconds: 60 },
      },
    );
    const text = textOf(programOf([remembers, ...others]), programOf(others));
    expect(text.split('\n').filter((line) => /^(delete|flush|create|add)/.test(line))).toEqual([
      'delete element ip slicewright services {',
      'delete element ip slicewright node-ports {',
      'delete element ip slicewright cluster-ips {',
      'delete element ip slicewright hairpin {',
      'flush chain ip slicewright endpoint/shop/sticky/tcp/http/10.1.0.9/80',
      'flush chain ip slicewright cluster/shop/sticky/tcp/http',
      'flush chain ip slicewright cluster-ip/shop/sticky/tcp/http',
      'flush chain ip slicewright external/shop/sticky/tcp/http',
      'delete set ip slicewright affinity/shop/sticky/tcp/http/10.1.0.9/80',
      'delete chain ip slicewright cluster-ip/shop/sticky/tcp/http',
      'delete chain ip slicewright cluster/shop/sticky/tcp/http',
      'delete chain ip slicewright endpoint/shop/sticky/tcp/http/10.1.0.9/80',
      'delete chain ip slicewright external/shop/sticky/tcp/http',
    ]);
  });

  it('remembered clients stay where only the endpoints change', () => {
    const sticky = (...endpoints: string[]) => ({
      ...cart(...endpoints),
      affinity: { kind: 'clientIP', seconds: 60 } as const,
    });
    const text = textOf(
      programOf([sticky('10.1.0.1:80', '10.1.0.2:80')]),
      programOf([sticky('10.1.0.1:80', '10.1.0.3:80')]),
    );
    expect(text).not.toContain('set ip slicewright affinity/shop/cart/tcp/http/10.1.0.1/80');
    expect(text).toContain('delete set ip slicewright affinity/shop/cart/tcp/http/10.1.0.2/80');
  });

  it('a table that was changed by hand is put right where it differs', () => {
    const wanted = programOf([cart('10.1.0.1:8080'), ...others]);
    const fake = createFakeNft();
    fake.write(textOf(undefined, wanted));
    fake.write(
      'delete element ip slicewright services { 10.96.1.7 . tcp . 80 }\nadd rule ip slicewright refuse accept\n',
    );
    const [found] = parseListing(fake.ruleset())?.values() ?? [];
    const change = textOf(found?.program, wanted);
    expect(change.split('\n').filter((line) => /^[a-z]/.test(line))).toEqual([
      'flush chain ip slicewright refuse',
      'add rule ip slicewright refuse reject',
      'create element ip slicewright services {',
    ]);
    fake.write(change);
    expect(fake.ruleset()).toBe(printProgram(wanted));
  });

  it('a chain that begins elsewhere means a new table', () => {
    const wanted = programOf([], makeNode({ addresses: [address('192.168.0.10')] }));
    const output = wanted.chains.get('output');
    const moved = new Map(wanted.chains);
    if (output?.hook !== undefined) moved.set('output', { ...output, hook: { ...output.hook, priority: -90 } });
    expect(textOf({ ...wanted, chains: moved }, wanted)).toMatch(
      /^delete table ip slicewright\ncreate table ip slicewright\n/,
    );
  });
});

it('a table in which something could not be read is replaced as a whole, in one transaction', () => {
  const wanted = programOf([makeIR([clusterIP('10.96.0.1', 80)], [endpoint('10.0.0.1:80')])]);
  const found = { ...readAgain(wanted), strange: ['cluster-ips: 10.96.0.0/30'] };
  expect(textOf(readAgain(wanted), wanted)).toBe('');
  expect(textOf(found, wanted)).toMatch(/^delete table ip slicewright\ncreate table ip slicewright\n/);
});
