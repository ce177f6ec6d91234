import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { load, loadAll } from 'js-yaml';
import { expect, it } from 'vitest';
import { describeIn } from '../place.ts';
import { choices } from './choices.ts';
import { kustomize, type Manifest, sorted, withKustomization } from './kustomize.ts';

/* kubectl's own kustomize on each choice, beside the one that the other tests of this folder use. */

const deploy = fileURLToPath(new URL('../../deploy/', import.meta.url));

const kubectl = (...args: readonly string[]): string =>
  execFileSync('kubectl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** Which kubectl is here, by its minor version, and why there is none. Debian 12 has 20, which knows no components. */
function kubectlHere(): { readonly minor: number; readonly missing?: string } {
  try {
    const { clientVersion } = load(kubectl('version', '--client', '--output', 'json')) as {
      clientVersion: { minor: string };
    };
    return { minor: Number.parseInt(clientVersion.minor, 10) };
  } catch {
    return { minor: 0, missing: 'the program kubectl is missing (Debian package kubernetes-client)' };
  }
}

const { minor, missing } = kubectlHere();
const isNew = minor >= 21 || missing !== undefined;

/** Kustomize takes white space off a patch's end, and with it the last line break of a text that ends there. */
const compared = (manifests: readonly Manifest[]) =>
  sorted(manifests).map(({ data, ...rest }) =>
    data === undefined
      ? rest
      : { ...rest, data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, text.trimEnd()])) },
  );

const built = (folder: string) => compared(loadAll(kubectl('kustomize', folder)) as Manifest[]);

describeIn('program of its own', missing, 'kubectl kustomize', () => {
  it.each(isNew ? choices : [])('builds $name as the tests do', ({ kustomization }) => {
    withKustomization(kustomization, (folder) => expect(built(folder)).toEqual(compared(kustomize(folder))));
  });

  it.each([...(isNew ? ['controller/overlays/hub'] : []), 'base', 'controller/member', 'reader', 'crds'])(
    'builds %s as the tests do',
    (path) => {
      expect(built(deploy + path)).toEqual(compared(kustomize(deploy + path)));
    },
  );
});
