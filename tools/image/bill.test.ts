import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { describe, expect, it } from 'vitest';
import { billOf, licensesIn, spdxName } from './bill.ts';

describe('licences of a Debian package', () => {
  it('are the License fields of its copyright file', () => {
    const copyright = [
      'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/',
      'Files: *',
      'License: GPL-2+ or Expat',
      'Files: lib/*',
      'License: GPL-2+',
      ' On Debian systems see /usr/share/common-licenses/GPL-3.',
    ];
    expect(licensesIn(copyright.join('\n'))).toEqual(['Expat', 'GPL-2+']);
  });

  it('are in prose the texts that it refers to', () => {
    const prose = 'The text is in `/usr/share/common-licenses/GPL-2`.\nAlso /usr/share/common-licenses/LGPL-2.1.\n';
    expect(licensesIn(prose)).toEqual(['GPL-2', 'LGPL-2.1']);
  });

  it.each([
    ['GPL-2+', 'GPL-2.0-or-later'],
    ['LGPL-2.1', 'LGPL-2.1-only'],
    ['expat', 'MIT'],
    ['BSD-3-clause', 'BSD-3-Clause'],
    ['public-domain', 'public-domain'],
  ])('%s is %s for SPDX', (word, name) => expect(spdxName(word)).toBe(name));
});

it('a bill of materials is CycloneDX, and the same for the same parts', () => {
  const image = { name: 'slicewright', version: '1.0.0', license: 'Apache-2.0', made: 86_400 };
  const parts = [
    { name: 'kmod', version: '30', purl: 'pkg:deb/debian/kmod@30?arch=amd64', licenses: ['GPL-2+', 'odd'] },
    { name: 'zod', version: '4.6.7', purl: 'pkg:npm/zod@4.6.7', licenses: ['MIT'] },
  ];
  const bill = billOf(image, parts);
  expect(billOf(image, parts.toReversed())).toBe(bill);
  expect(JSON.parse(bill)).toMatchObject({
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    metadata: { timestamp: '1970-01-02T00:00:00.000Z', component: { type: 'container', name: 'slicewright' } },
    components: [
      {
        name: 'kmod',
        version: '30',
        purl: 'pkg:deb/debian/kmod@30?arch=amd64',
        licenses: expect.arrayContaining([{ license: { id: 'GPL-2.0-or-later' } }, { license: { name: 'odd' } }]),
      },
      { name: 'zod', licenses: [{ license: { id: 'MIT' } }] },
    ],
    dependencies: expect.arrayContaining([{ ref: 'slicewright', dependsOn: parts.map(({ purl }) => purl) }]),
  });
});

it('a bill of materials is what the schema of CycloneDX 1.6 asks for', async () => {
  const image = { name: 'slicewright', version: '1.0.0', license: 'Apache-2.0', made: 86_400 };
  const parts = [
    { name: 'kmod', version: '30', purl: 'pkg:deb/debian/kmod@30?arch=amd64', licenses: ['GPL-2+', 'odd'] },
    { name: 'base-files', version: '12.4+deb12u11', purl: 'pkg:deb/debian/base-files@12.4%2Bdeb12u11', licenses: [] },
    { name: 'zod', version: '4.6.7', purl: 'pkg:npm/zod@4.6.7', licenses: ['MIT'] },
  ];
  const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
  const bill = billOf(image, parts);
  expect(await validator.validate(bill)).toBeNull();
  expect(await validator.validate(bill.replace('"components"', '"parts"'))).not.toBeNull();
});
