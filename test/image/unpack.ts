import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';
import { treeOf } from '../../tools/image/entry.ts';
import { digestOf } from '../../tools/image/oci.ts';
import type { ImageConfig } from './runtime.ts';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly architecture: string; readonly os: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Config {
  readonly architecture: string;
  readonly config: ImageConfig & { readonly Labels: Readonly<Record<string, string>> };
  readonly rootfs: { readonly diff_ids: readonly string[] };
}

/** The contents of an archive in the OCI layout, as a runtime that loads it finds them. */
export interface Loaded {
  /** The name under which containerd keeps it. */
  readonly name: string | undefined;
  readonly config: Config;
  /** Bytes of all layers, as they are pulled. */
  readonly size: number;
  /** Unpacks the layers, one over the other. */
  unpack(folder: string): void;
}

/**
 * Reads an archive by its own index, and checks each blob's digest and size.
 *
 * throws  if a blob differs from its description, or there is no image for the architecture
 */
export async function loadArchive(archive: Uint8Array, architecture: string): Promise<Loaded> {
  const tree = await treeOf(archive);
  const bytesAt = (path: string): Uint8Array => {
    const entry = tree.get(path);
    if (entry?.kind !== 'file') throw new Error(`the archive has no ${path}`);
    return entry.bytes;
  };
  const blob = ({ digest, size }: Descriptor): Uint8Array => {
    const bytes = bytesAt(`blobs/${digest.replace(':', '/')}`);
    if (digestOf(bytes) !== digest || bytes.length !== size) throw new Error(`${digest} is not what it says`);
    return bytes;
  };
  const json = <T>(bytes: Uint8Array): T => JSON.parse(new TextDecoder().decode(bytes)) as T;
  const [top] = json<{ manifests: Descriptor[] }>(bytesAt('index.json')).manifests;
  if (top === undefined) throw new Error('the archive holds no image');
  const manifests = json<{ manifests: Descriptor[] }>(blob(top)).manifests;
  const found = manifests.find(({ platform }) => platform?.os === 'linux' && platform.architecture === architecture);
  if (found === undefined) throw new Error(`the archive holds no image for ${architecture}`);
  const manifest = json<{ config: Descriptor; layers: Descriptor[] }>(blob(found));
  const config = json<Config>(blob(manifest.config));
  return {
    name: top.annotations?.['io.containerd.image.name'],
    config,
    size: manifest.layers.reduce((sum, { size }) => sum + size, 0),
    unpack(folder) {
      mkdirSync(folder, { recursive: true });
      manifest.layers.forEach((layer, index) => {
        const tar = zstdDecompressSync(blob(layer));
        if (digestOf(tar) !== config.rootfs.diff_ids[index]) throw new Error(`layer ${index} is not what it says`);
        execFileSync('tar', ['--extract', '--preserve-permissions', '--no-same-owner', '--directory', folder], {
          input: tar,
        });
      });
    },
  };
}
