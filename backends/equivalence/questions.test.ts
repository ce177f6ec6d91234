import { expect, it } from 'vitest';
import { compileCase } from '../../test/conformance/cases.ts';
import { parseAddress, parseCidr } from '../../compiler/values/address.ts';
import { clientsOf, createQuestions } from './questions.ts';

const { node } = compileCase('001-mcs-serve', 'none');

function address(text: string) {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

// No kernel lets a packet through whose source is its destination, so another source has to represent the rest.
it('somebody from outside is tried at the very address that usually stands for somebody from outside', () => {
  const usual = clientsOf(createQuestions(), address('10.0.0.1'), node.IPv4).tried[0]?.source;
  const there = clientsOf(createQuestions(), address(String(usual)), node.IPv4).tried.filter(
    ({ from }) => from.kind === 'interface',
  );
  expect(there.length).toBeGreaterThan(0);
  expect(there.map(({ source }) => source)).not.toContain(usual);
});

it('a network whose first address is where packets go is tried by another one of its addresses', () => {
  const questions = createQuestions();
  const network = parseCidr('10.77.0.0/16');
  if (network !== undefined) questions.sources.add(network);
  const { tried } = clientsOf(questions, address('10.77.0.0'), node.IPv4);
  expect(tried.some(({ source }) => source.startsWith('10.77.') && source !== '10.77.0.0')).toBe(true);
});
