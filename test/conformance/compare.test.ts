import { expect, it } from 'vitest';
import { comparable } from './compare.ts';

const last = '-A KUBE-SERVICES -j KUBE-NODEPORTS';
const save = (table: string, chain: string, ...lines: string[]) =>
  [
    `*${table}`,
    `:${chain} - [0:0]`,
    ...lines.map((line) => (line.startsWith('-A') ? line : `-A ${chain} ${line}`)),
    'COMMIT',
    '',
  ].join('\n');

it('order counts in a chain of one Service', () => {
  expect(comparable(save('nat', 'KUBE-SVC-A', '-j A', '-j B'))).not.toEqual(
    comparable(save('nat', 'KUBE-SVC-A', '-j B', '-j A')),
  );
});

it('order does not count in a shared chain, but number does', () => {
  const shared = (...lines: string[]) => comparable(save('nat', 'KUBE-SERVICES', ...lines));
  expect(shared('-j A', '-j B', last)).toEqual(shared('-j B', '-j A', last));
  expect(shared('-j A', '-j A', last)).not.toEqual(shared('-j A', last));
});

it('what must be last must be last', () => {
  const shared = (...lines: string[]) => comparable(save('nat', 'KUBE-SERVICES', ...lines));
  expect(shared('-j A', last)).not.toEqual(shared(last, '-j A'));
});

it('an empty chain is not a missing one, and tables have their own chains', () => {
  expect(comparable(save('nat', 'KUBE-A'))).not.toEqual(comparable('*nat\nCOMMIT\n'));
  expect(comparable(save('nat', 'KUBE-A'))).not.toEqual(comparable(save('filter', 'KUBE-A')));
});
