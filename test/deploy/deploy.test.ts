import { globSync, readFileSync } from 'node:fs';
import { loadAll } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../agent/config/config.ts';
import { watchedKinds } from '../../agent/sources/cluster.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

interface Manifest {
  readonly kind: string;
  readonly rules?: readonly { readonly apiGroups: string[]; readonly resources: string[]; readonly verbs: string[] }[];
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: { readonly template: { readonly spec: PodSpec } };
}
interface PodSpec {
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly containers: readonly {
    readonly args: string[];
    readonly securityContext: Readonly<Record<string, unknown>>;
  }[];
  readonly volumes: readonly { readonly hostPath?: { readonly path: string } }[];
}

const manifests = globSync('deploy/base/*.yaml', { cwd: new URL('.', root) })
  .sort()
  .flatMap((path) => loadAll(read(path)) as Manifest[]);
const only = (kind: string): Manifest => {
  const [found, ...others] = manifests.filter((manifest) => manifest.kind === kind);
  if (found === undefined || others.length > 0)
    throw new Error(`${others.length + Number(found !== undefined)} of ${kind}`);
  return found;
};

describe('the manifests', () => {
  it('allow reading the kinds that the agent watches, and nothing else', () => {
    const allowed = (only('ClusterRole').rules ?? []).flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.map((resource) => `${group}/${resource} ${verbs.join(',')}`)),
    );
    const watched = watchedKinds(true, 'n').map(({ apiVersion, plural }) => {
      const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
      return `${group}/${plural} list,watch`;
    });
    // Events on Services that the kernel refuses: agent/cluster-events.ts.
    expect(allowed.sort()).toEqual([...watched, '/events create'].sort());
  });

  it('give the agent one capability, and a root file system that it cannot write', () => {
    const pod = only('DaemonSet').spec?.template.spec;
    expect(pod?.containers).toHaveLength(1);
    expect(pod?.containers[0]?.securityContext).toEqual({
      runAsUser: 0,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] },
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(pod?.hostPID).toBeUndefined();
    expect(pod?.volumes.flatMap(({ hostPath }) => hostPath?.path ?? [])).toEqual(['/run/xtables.lock']);
  });

  it.each(['base/configmap.yaml', 'overlays/ipvs/kustomization.yaml'])(
    'hold a configuration that is understood: %s',
    (path) => {
      const text = read(`deploy/${path}`);
      const [manifest] = loadAll(text) as (Manifest & { patches?: { patch: string }[] })[];
      const patch = manifest?.patches?.[0]?.patch;
      const config =
        patch === undefined ? manifest?.data?.['config.yaml'] : (loadAll(patch)[0] as { value: string }[])[0]?.value;
      const [document] = loadAll(config ?? '');
      const { backend, diagnostics } = parseConfiguration(document, path, { compat: 'none', backend: undefined });
      // Commands that print or apply once open no servers, and say so.
      expect(diagnostics.filter(({ code }) => code !== 'configuration-without-effect')).toEqual([]);
      expect(backend).toBe(path.includes('ipvs') ? 'ipvs' : 'iptables');
    },
  );

  it('put every tool into the image that a backend calls', () => {
    const image = read('deploy/Dockerfile');
    const sources = globSync('backends/**/*.ts', { cwd: new URL('.', root) }).filter((path) => !/test|fake/.test(path));
    const text = sources.map(read).join('\n');
    const packages: Readonly<Record<string, string>> = {
      'iptables-save': 'iptables',
      conntrack: 'conntrack',
      ipset: 'ipset',
      ipvsadm: 'ipvsadm',
      ip: 'iproute2',
    };
    for (const [tool, name] of Object.entries(packages)) {
      if (text.includes(`'${tool}'`)) expect(image).toMatch(new RegExp(`\\b${name}\\b`));
    }
    expect(image).toContain('slicewright.js');
  });
});
