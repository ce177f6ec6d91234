import { describe, expect, it } from 'vitest';
import { compileObjects } from '../../test/helpers/compile.ts';
import { type SliceOptions, service, slice } from '../../test/helpers/kubernetes.ts';
import { parseEndpointSlice } from '../model/endpoint-slice.ts';
import { emptyRegistry } from '../registry/registry.ts';
import { parseClusterName } from '../values/names.ts';
import { type Source, sourceOf } from './source.ts';

/**
 * The source of a slice, as `L2 member1`, `L8 own user-managed`; with `?` after an unresolved and `~` after an
 * ambiguous name.
 */
function source(name: string, options: SliceOptions, known: string[] = [], own?: string): string {
  const parsed = parseEndpointSlice(slice('serve', name, [], options), undefined, []);
  if (parsed === undefined) throw new Error(`${name} does not parse`);
  const ids = known.map(parseClusterName).filter((id) => id !== undefined);
  const knownClusters = ids.sort((a, b) => b.length - a.length);
  return text(sourceOf(parsed, { own: parseClusterName(own), knownClusters, registry: emptyRegistry }));
}

function text(found: Source): string {
  if (found.kind === 'own') return `${found.reason.rule} own ${found.how}`;
  const doubt = found.doubt === 'unresolved' ? '?' : found.doubt === 'ambiguous' ? '~' : '';
  return `${found.reason.rule} ${found.cluster}${doubt}`;
}

const karmada = { 'karmada.io/managed': 'true' };
const mcs = (cluster: string) => ({ 'multicluster.kubernetes.io/source-cluster': cluster });

describe('rules L1 to L8', () => {
  it.each<[string, string, SliceOptions, string]>([
    ['native', 'serve-x', {}, 'L1 own native'],
    ['mirrored from Endpoints', 'serve-x', { by: 'endpointslicemirroring-controller.k8s.io' }, 'L1 own native'],
    [
      'native with labels copied from its Service',
      'serve-x',
      { labels: { ...karmada, ...mcs('member1') } },
      'L1 own native',
    ],
    ['dispatched', 'any-name', { by: 'dispatch', provisionCluster: 'member1' }, 'L2 member1'],
    ['dispatched without annotation', 'member1-serve-x', { by: 'dispatch' }, 'L2 member1'],
    ['imported', 'imported-member1-serve-x', { by: 'import', labels: karmada }, 'L3 member1'],
    ['MCS', 'x', { by: 'mcs.example', labels: mcs('member1') }, 'L4 member1'],
    ['annotation only', 'x', { by: '', provisionCluster: 'member1' }, 'L5 member1'],
    ['imported before Karmada 1.15', 'imported-member1-serve-x', { by: '', labels: karmada }, 'L6 member1'],
    ['applied by Karmada, but no import', 'serve-1', { by: '', labels: karmada }, 'L8 own user-managed'],
    ['named like an import, but by hand', 'imported-member1-serve-x', { by: '' }, 'L8 own user-managed'],
    ['by nobody', 'kubernetes', { by: '' }, 'L8 own user-managed'],
    ['by someone unknown', 'serve-1', { by: 'tool.example' }, 'L8 own user-managed'],
  ])('%s', (_what, name, options, expected) => expect(source(name, options, ['member1'])).toBe(expected));

  it('a slice of the local cluster that comes back is ours', () => {
    const options = { by: 'import', labels: karmada };
    expect(source('imported-member1-serve-x', options, ['member1'], 'member1')).toBe('MR-11 own returned');
    expect(source('x', { by: 'dispatch', provisionCluster: 'member1' }, [], 'member1')).toBe('MR-11 own returned');
  });
});

it('names of clusters on native slices are not to be relied on', () => {
  const imported = slice('serve', 'imported-eu-west-1', ['10.1.0.1'], { by: 'import' });
  const cluster = (...others: unknown[]) =>
    compileObjects([service('serve'), imported, ...others]).endpoints[0]?.cluster;
  expect(cluster(slice('other', 'other-x', [], { labels: mcs('eu-west') }))).toBe('unknown:eu');
  expect(cluster(slice('other', 'other-x', [], { by: 'mcs.example', labels: mcs('eu-west') }))).toBe('eu-west');
});

describe('the name rule', () => {
  const imported = (name: string, known: string[]) => source(name, { by: 'import' }, known);

  it('takes the longest cluster that is known', () => {
    expect(imported('imported-eu-west-1-abc', ['eu', 'eu-west'])).toBe('L3 eu-west~');
    expect(imported('imported-eu-west-1-abc', ['eu'])).toBe('L3 eu');
    expect(imported('imported-eu-west-1-abc', ['eu-west', 'us'])).toBe('L3 eu-west');
  });

  it('knows no cluster by half its name, nor without a slice after it', () => {
    expect(imported('imported-europe-abc', ['eu'])).toBe('L3 unknown:europe?');
    expect(imported('imported-eu-west', ['eu-west'])).toBe('L3 unknown:eu?');
  });

  it('without a known cluster tells them apart all the same', () => {
    expect(imported('imported-member1-serve-x', [])).toBe('L3 unknown:member1?');
    expect(source('x', { by: 'a.example', labels: mcs('East_1\u202e') })).toBe('L4 unknown:east1?');
  });
});
