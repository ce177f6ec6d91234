import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { askedPackets } from '../../agent/packets/dialled.ts';
import { explainPacket } from '../../agent/packets/explained.ts';
import { knowledgeOf } from '../../agent/packets/knowledge.ts';
import { parseQuestion } from '../../agent/packets/question.ts';
import { packetText } from '../../agent/packets/text.ts';
import type { Via } from '../../agent/packets/via.ts';
import { targetsOf } from '../../agent/planning/targets.ts';
import { backendNames, byName } from '../../backends/index.ts';
import { compile } from '../../compiler/index.ts';
import { readCase } from '../../golden/case.ts';

interface Asked {
  readonly golden: string;
  readonly words: string;
  readonly via?: Via;
}

/** What is asked of each golden case, in the order in which the answers stand in its file. */
const asked: readonly Asked[] = [
  { golden: 'g19-cluster-weights', words: '10.12.0.9 default/serve' },
  { golden: 'load-balancer-source-ranges', words: 'outside 198.51.100.8 shop/shop', via: 'load-balancer' },
  { golden: 'load-balancer-source-ranges', words: 'outside 192.0.2.1 shop/shop', via: 'load-balancer' },
  { golden: 'load-balancer-source-ranges', words: 'outside 192.0.2.1 203.0.113.23:81/udp' },
  { golden: 'external-local', words: 'outside shop/edge:http', via: 'node-port' },
  { golden: 'external-local', words: 'outside 192.168.10.1:31027' },
  { golden: 'internal-local-none-here', words: '10.12.0.9 10.13.0.25:80' },
  { golden: 'terminating-endpoints', words: 'node shop/rolling' },
  { golden: 'dual-stack', words: 'fd00:12::12 shop/web:http/tcp' },
  { golden: 'no-endpoints', words: 'node 10.13.0.1:80' },
  { golden: 'session-affinity', words: 'pod 10.12.0.9 -> 10.13.0.24:80/tcp, remembers 10.12.1.24:8080' },
  { golden: 'address-claimed-twice', words: 'eth1 192.0.2.9 10.13.0.31:80' },
];

async function explain({ golden, words, via }: Asked, backend: string): Promise<string> {
  const { input } = readCase(golden);
  const compilation = compile(input);
  const targets = targetsOf(compilation);
  const known = knowledgeOf(await byName(backend), { input, targets, endpoints: compilation.endpoints });
  const packets = askedPackets(parseQuestion(words.split(' ')), via, known);
  const texts: string[] = [];
  for (const packet of packets) texts.push(packetText(await explainPacket(packet, known, []), { verbose: false }));
  return `$ slicewright explain ${words}${via === undefined ? '' : ` --via ${via}`}\n${texts.join('\n')}`;
}

const cases = [...Map.groupBy(asked, ({ golden }) => golden)];

it.each(cases.flatMap(([golden, questions]) => backendNames().map((backend) => ({ golden, questions, backend }))))(
  '$golden, $backend',
  async ({ golden, questions, backend }) => {
    const texts: string[] = [];
    for (const question of questions) texts.push(await explain(question, backend));
    await expect(texts.join('\n')).toMatchFileSnapshot(`expected/${golden}.${backend}.txt`);
  },
);

it('nothing else is expected', () => {
  const names = cases.flatMap(([golden]) => backendNames().map((backend) => `${golden}.${backend}.txt`));
  expect(readdirSync(new URL('expected', import.meta.url)).sort()).toEqual(names.sort());
});
