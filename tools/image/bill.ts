import { Enums, Models, Serialize, Spec, SPDX } from '@cyclonedx/cyclonedx-library';

/** A package of the image, from Debian or from npm. */
export interface Part {
  readonly name: string;
  readonly version: string;
  /** source: the purl types `deb` and `npm` */
  readonly purl: string;
  /** As the publisher names them; several where parts of the package differ. */
  readonly licenses: readonly string[];
}

export interface Described {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** Seconds since 1970. */
  readonly made: number;
}

/**
 * The software bill of materials, as CycloneDX 1.6 in JSON. It has no serial number, because that would be random: the
 * same image has the same bill.
 */
export function billOf({ name, version, license, made }: Described, parts: readonly Part[]): string {
  const component = new Models.Component(Enums.ComponentType.Container, name, {
    bomRef: name,
    version,
    licenses: new Models.LicenseRepository([licenseOf(license)]),
  });
  const bill = new Models.Bom({ metadata: new Models.Metadata({ component, timestamp: new Date(made * 1000) }) });
  for (const part of parts) {
    const known = new Models.Component(Enums.ComponentType.Library, part.name, {
      bomRef: part.purl,
      version: part.version,
      purl: part.purl,
      licenses: new Models.LicenseRepository(licensesOf(part.licenses)),
    });
    bill.components.add(known);
    component.dependencies.add(known.bomRef);
  }
  const factory = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  return `${new Serialize.JsonSerializer(factory).serialize(bill, { sortLists: true, space: 1 })}\n`;
}

function licensesOf(words: readonly string[]): Models.License[] {
  return [...new Set(words.map(spdxName))].sort().map(licenseOf);
}

function licenseOf(word: string): Models.DisjunctiveLicense {
  return SPDX.isSupportedSpdxId(word) ? new Models.SpdxLicense(word) : new Models.NamedLicense(word);
}

/**
 * The SPDX name of a licence that Debian names: `GPL-2+` is GPL-2.0-or-later. A name without an SPDX counterpart stays
 * as it is.
 *
 * source  the short names of machine-readable copyright files, version 1.0
 */
export function spdxName(word: string): string {
  if (/^(Expat|MIT\/X11)$/i.test(word)) return 'MIT';
  const [, family, version, later] = /^([AL]?GPL)-([\d.]+)(\+?)$/.exec(word) ?? [];
  if (family === undefined || version === undefined) return SPDX.fixupSpdxId(word) ?? word;
  const full = version.includes('.') ? version : `${version}.0`;
  return `${family}-${full}-${later === '+' ? 'or-later' : 'only'}`;
}

/**
 * The licences that a copyright file of Debian names: its License fields, and in a file that is only prose, the texts in
 * /usr/share/common-licenses that it refers to.
 */
export function licensesIn(copyright: string): string[] {
  const fields = [...copyright.matchAll(/^License: *(\S.*)$/gm)].flatMap(([, words = '']) =>
    words.split(/,? +(?:or|and) +|, /),
  );
  const texts = [...copyright.matchAll(/\/usr\/share\/common-licenses\/([\w.-]*\w)/g)].map(([, name = '']) => name);
  const found = fields.length > 0 ? fields : texts;
  return [...new Set(found.map((word) => word.trim()).filter((word) => word !== ''))].sort();
}
