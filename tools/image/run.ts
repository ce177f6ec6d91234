// `make image`: an OCI archive from Debian's and npm's packages, without a daemon, a base image or root.
import { writeFileSync } from 'node:fs';
import { type Architecture } from './debian.ts';
import { buildImage } from './image.ts';
import { archiveOf, type Image } from './oci.ts';
import { sourceHere } from './source.ts';

const architectures: readonly Architecture[] = ['amd64', 'arm64'];
const asked = (process.env['ARCH'] ?? '').split(/[ ,]+/).filter((word) => word !== '');
const unknown = asked.find((word) => !(architectures as readonly string[]).includes(word));
if (unknown !== undefined) {
  console.error(`ARCH=${unknown}: an image is made for ${architectures.join(' and ')}`);
  process.exit(2);
}

const source = sourceHere();
const images: Image[] = [];
const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
for (const architecture of architectures.filter((each) => asked.length === 0 || asked.includes(each))) {
  const { image, layers, bill } = await buildImage(architecture, source, '.cache/image');
  images.push(image);
  writeFileSync(`slicewright-image.${architecture}.cdx.json`, bill);
  const total = layers.reduce((sum, { blob }) => sum + blob.bytes.length, 0);
  const each = layers.map(({ says, blob }) => `${says} ${mebibytes(blob.bytes.length)}`).join(', ');
  console.log(`${architecture}: ${mebibytes(total)} to pull (${each}), ${image.manifest.digest}`);
}
const name = `docker.io/library/${source.name}:${source.version}`;
writeFileSync('slicewright-image.tar', await archiveOf(name, images));
console.log(`slicewright-image.tar: ${name}`);
