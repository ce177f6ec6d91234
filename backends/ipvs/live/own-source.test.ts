import { expect, it } from 'vitest';
import { parseAddress } from '../../../compiler/values/address.ts';
import type { Run } from '../../command.ts';
import { dialFromNode } from './own-source.ts';

/** A node with one way out. stderr: what the script of routes says. */
function nodeWith(source: string | undefined, stderr = '') {
  const scripts: string[] = [];
  const run: Run = async (_file, args, input) => {
    if (args.includes('get')) {
      return source === undefined
        ? { exitCode: 2, stdout: '', stderr: 'RTNETLINK answers: Network is unreachable\n' }
        : { exitCode: 0, stdout: `2001:db8:: from :: via fe80::1 dev eth0 src ${source} metric 1024\n`, stderr: '' };
    }
    scripts.push(input ?? '');
    return { exitCode: stderr === '' ? 0 : 1, stdout: '', stderr };
  };
  const bound = [parseAddress('fd00:13::1')].flatMap((address) => address ?? []);
  return { scripts, warnings: dialFromNode(run, 'IPv6', 'kube-ipvs0', bound) };
}

it('IPv6: a route over lo stands before the one of the kernel goes', async () => {
  const { scripts, warnings } = nodeWith('fd00:18::12');
  expect(await warnings).toEqual([]);
  expect(scripts).toEqual([
    'route replace local fd00:13::1/128 dev lo table local proto 213 metric 1024 src fd00:18::12\n' +
      'route delete local fd00:13::1/128 dev kube-ipvs0 table local\n',
  ]);
});

it('done twice it says nothing', async () => {
  const { warnings } = nodeWith('fd00:18::12', 'RTNETLINK answers: No such process\nCommand failed -:2\n');
  expect(await warnings).toEqual([]);
});

it('a route that the kernel rejects is a warning', async () => {
  const { warnings } = nodeWith('fd00:18::12', 'RTNETLINK answers: Operation not permitted\nCommand failed -:1\n');
  expect(await warnings).toEqual([
    expect.objectContaining({
      severity: 'warning',
      code: 'ipvs-source',
      message: expect.stringContaining('may hang afterwards'),
    }),
  ]);
});

it('a node without a way out keeps what it has', async () => {
  const { scripts, warnings } = nodeWith(undefined);
  expect(await warnings).toEqual([]);
  expect(scripts).toEqual([]);
});
