import { join } from 'node:path';
import { billOf, type Described, licensesIn, type Part } from './bill.ts';
import { type Architecture, type DebianPackage, fetchDebian } from './debian.ts';
import { file, tarOf, type Tree } from './entry.ts';
import { type Image, imageOf, type Layer, layerOf } from './oci.ts';
import { basePackages, entrypoint, environment, files, made, programs, searchPath, toolPackages } from './parts.ts';
import { nodeFor, programIn } from './program.ts';
import { linkedPath, selectFiles } from './select.ts';

/** What an image is built from: the commit and its version. */
export interface Source extends Described {
  readonly revision: string;
  readonly description: string;
}

export interface Built {
  readonly image: Image;
  readonly layers: readonly Layer[];
  /** CycloneDX, also in the image as /usr/share/sbom/slicewright.cdx.json. */
  readonly bill: string;
}

/**
 * The image for one architecture, in three layers, ordered by how often they change: Debian's tools, Node, slicewright.
 * So nodes pull one small layer for a new version of slicewright. Nothing is installed and no program of the image is
 * started.
 *
 * cache  a folder below the project's, for fetched and built files
 */
export async function buildImage(architecture: Architecture, source: Source, cache: string): Promise<Built> {
  const packages = await fetchDebian([...toolPackages, ...basePackages], architecture, join(cache, architecture));
  const node = await nodeFor(architecture, cache);
  const program = await programIn(join(cache, 'program'), source.made);
  const debian = selectFiles(packages, { programs, files, others: [node.node] });
  const bill = billOf(source, [
    ...debian.packages.map((each) => debianPart(each, debian.tree)),
    ...node.parts,
    ...program.parts,
  ]);
  const layers: Layer[] = [];
  for (const [says, tree] of [
    ['Debian packages', new Map([...debian.tree, ...made, ...dpkgStatus(debian.packages)])],
    ['Node from npm', node.tree],
    ['slicewright', new Map([...program.tree, ['usr/share/sbom/slicewright.cdx.json', file(bill, source.made)]])],
  ] as const) {
    layers.push(layerOf(says, await tarOf(tree)));
  }
  const created = new Date(source.made * 1000).toISOString().replace('.000', '');
  const { name: title, version, description, revision, license: licenses } = source;
  const labels = { title, description, version, revision, created, licenses };
  return {
    image: imageOf(architecture, layers, { labels, entrypoint, searchPath, environment, created }),
    layers,
    bill,
  };
}

/** Where there is no dpkg, scanners read the image's packages and versions from here. */
function dpkgStatus(packages: readonly DebianPackage[]): Tree {
  return new Map(packages.map(({ name, control }) => [`var/lib/dpkg/status.d/${name}`, file(`${control}\n`, 0)]));
}

function debianPart({ name, version, architecture }: DebianPackage, tree: Tree): Part {
  const purl = `pkg:deb/${distributionOf(tree)}/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}`;
  return { name, version, purl, licenses: licensesIn(copyrightOf(`usr/share/doc/${name}`, tree)) };
}

/** `debian` or `ubuntu`. source: os-release(5) */
function distributionOf(tree: Tree): string {
  const release = tree.get('usr/lib/os-release');
  const text = release?.kind === 'file' ? new TextDecoder().decode(release.bytes) : '';
  const [, id] = /^ID="?([a-z0-9._-]+)"?$/m.exec(text) ?? [];
  if (id === undefined) throw new Error('no package says in os-release which distribution it is of');
  return id;
}

/** Packages of one source often link to the folder of one of them. */
function copyrightOf(documents: string, tree: Tree): string {
  const entry = tree.get(documents);
  if (entry?.kind === 'link') return copyrightOf(linkedPath(documents, entry.target), tree);
  const copyright = tree.get(`${documents}/copyright`);
  return copyright?.kind === 'file' ? new TextDecoder().decode(copyright.bytes) : '';
}
