import { expect, it } from 'vitest';
import { compileObjects } from '../../test/helpers/compile.ts';
import { node, service, slice } from '../../test/helpers/kubernetes.ts';
import { nowhere } from '../input/place.ts';
import { maxDetails, reportPage } from './page.ts';
import { reportedServices } from './services.ts';

const services = ['a', 'b', 'c'].flatMap((name, i) => [
  service(name, { clusterIP: `10.96.0.${i + 1}` }),
  slice(name, `${name}-x`, [`10.1.0.${i + 1}`]),
]);
const compilation = compileObjects([node('n1', { addresses: ['192.168.0.1'] }), ...services]);
const reported = reportedServices(compilation, compilation.diagnostics, ({ id }) => `rules of ${id}`, {
  isMeant: () => true,
  isAbsentMeant: () => true,
});
const report = {
  ...reported,
  ...{ title: 'three', node: 'n1', backend: 'none', comparison: undefined, placeOf: nowhere },
};

it('a page that is full has a row for every Service, and says where details are left out', async () => {
  const page = await reportPage(report, { maxDetails: 1 });
  expect(page.match(/<tr class="service"/g)).toHaveLength(3);
  expect(page.match(/<svg /g)).toHaveLength(1);
  expect(page.match(/This page is full/g)).toHaveLength(2);
  expect(page).toContain('rules of default/a/TCP/IPv4');
  expect(page).not.toContain('rules of default/b/TCP/IPv4');
});

it('lets others work before each Service', async () => {
  let turns = 0;
  const breathe = () => {
    turns++;
    return Promise.resolve();
  };
  const page = await reportPage(report, { maxDetails, breathe });
  expect(turns).toBeGreaterThanOrEqual(3);
  expect(page).not.toContain('This page is full');
});
