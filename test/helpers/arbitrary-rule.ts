import fc from 'fast-check';
import { chainName } from '../../backends/netfilter/chain.ts';
import { ctStateOrder } from '../../backends/netfilter/text/grammar.ts';
import { type Match, parseSetName, type Rule, type SetName, type Target } from '../../backends/netfilter/rule.ts';
import type { Cidr, Family, IpAddress } from '../../compiler/values/address.ts';
import { parseAddress, parseCidr } from '../../compiler/values/address.ts';
import type { Port, Protocol } from '../../compiler/values/port.ts';

/** Any rule of the vocabulary, its matches in the order in which they print. */
export function arbitraryRule(family: Family): fc.Arbitrary<Rule> {
  const not = fc.constantFrom<{ readonly not?: true }>({}, { not: true });
  const name = fc.stringMatching(/^KUBE-[A-Z0-9_-]{1,20}$/).map(chainName);
  const protocol = fc.constantFrom<Protocol>('TCP', 'UDP', 'SCTP');
  const address = arbitraryAddress(family);
  const port = fc.integer({ min: 1, max: 65535 }) as fc.Arbitrary<Port>;
  const word = fc.integer({ min: 0, max: 0xffffffff });
  const dims = fc.array(fc.constantFrom<'src' | 'dst'>('src', 'dst'), { minLength: 1, maxLength: 3 });
  const states = fc.subarray([...ctStateOrder], { minLength: 1 });

  const heads: fc.Arbitrary<Match | undefined>[] = [
    fc.option(fc.record({ kind: fc.constant('source'), cidr: arbitraryCidr(family) }), { nil: undefined }),
    fc.option(fc.record({ kind: fc.constant('destination'), cidr: arbitraryCidr(family) }), { nil: undefined }),
    fc.option(
      fc.record({
        kind: fc.constant('inInterface'),
        name: fc.stringMatching(/^[a-z][a-z0-9._@-]{0,13}$/),
        prefix: fc.boolean(),
      }),
      { nil: undefined },
    ),
  ].map((head) => fc.tuple(head, not).map(([match, sign]) => match && { ...match, ...sign }));

  const modules: fc.Arbitrary<Match>[] = [
    fc.record({ kind: fc.constant('addrtype'), side: fc.constantFrom('src', 'dst') }),
    fc.record({ kind: fc.constant('probability'), of31: fc.integer({ min: 1, max: 2 ** 31 }) }),
    fc.record({ kind: fc.constant('recent'), op: fc.constant('set'), list: name }),
    fc.record({
      kind: fc.constant('recent'),
      op: fc.constant('check'),
      list: name,
      seconds: fc.integer({ min: 1, max: 86400 }),
    }),
    fc.record({ kind: fc.constant('mark'), value: word, mask: word }),
    fc.record({ kind: fc.constant('ctstate'), states }),
    fc.record({ kind: fc.constant('set'), name: fc.constant(parseSetName('KUBE-LOOP-BACK') as SetName), dims }),
    fc.record({ kind: fc.constant('physdevIsIn') }),
    fc.record({ kind: fc.constant('ipvs'), address, protocol, port }),
    fc.record({ kind: fc.constant('ipvsAny') }),
    fc.record({ kind: fc.constant('comment'), text: fc.stringMatching(/^[ !#-[\]-~]{1,255}$/) }),
  ].map((module) => {
    const signed = fc.tuple(module as fc.Arbitrary<Match>, not);
    return signed.map(([match, sign]) => (negatable.has(match.kind) ? { ...match, ...sign } : match));
  });

  const target: fc.Arbitrary<Target> = fc.oneof(
    fc.record({ kind: fc.constant('jump' as const), chain: name }),
    fc.record({ kind: fc.constant('mark' as const), value: word, mask: word }),
    fc.record({ kind: fc.constant('masquerade' as const), randomFully: fc.boolean() }),
    fc.constantFrom<Target>({ kind: 'reject' }, { kind: 'accept' }, { kind: 'drop' }, { kind: 'return' }),
  );
  const dnat: fc.Arbitrary<Target> = fc.record({ kind: fc.constant('dnat' as const), address, port });

  return fc
    .record({
      head: fc.tuple(...heads),
      transport: fc.option(fc.record({ protocol, dport: fc.option(port), target: fc.option(dnat) })),
      modules: fc.uniqueArray(fc.oneof(...modules), { selector: (match) => match.kind, maxLength: 5 }),
      target: fc.option(target),
    })
    .map(({ head, transport, modules: chosen, target: plain }) => {
      const matches = head.filter((match) => match !== undefined);
      if (transport !== null) matches.push({ kind: 'protocol', protocol: transport.protocol });
      matches.push(...chosen);
      if (transport !== null) {
        const dport = transport.dport === null ? {} : { dport: transport.dport };
        matches.push({ kind: 'transport', protocol: transport.protocol, ...dport });
      }
      const chosenTarget = transport?.target ?? plain;
      return chosenTarget === null ? { matches } : { matches, target: chosenTarget };
    });
}

const negatable = new Set<string>(['addrtype', 'mark', 'ctstate', 'set', 'physdevIsIn']);

export function arbitraryAddress(family: Family): fc.Arbitrary<IpAddress> {
  return (family === 'IPv4' ? fc.ipV4() : fc.ipV6()).map(parseAddress).filter((address) => address !== undefined);
}

function arbitraryCidr(family: Family): fc.Arbitrary<Cidr> {
  return fc
    .tuple(arbitraryAddress(family), fc.integer({ min: 1, max: family === 'IPv4' ? 32 : 128 }))
    .map(([address, length]) => parseCidr(`${address}/${length}`))
    .filter((cidr) => cidr !== undefined);
}
