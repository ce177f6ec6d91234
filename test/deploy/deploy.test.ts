import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../agent/config/config.ts';
import { parseRegistry } from '../../agent/input/registry.ts';
import { defaultLeaseNamespace } from '../../agent/commands/agent/flags.ts';
import { defaultLockDir } from '../../agent/node/lock-folder.ts';
import { leaseKind, watchedKinds } from '../../agent/sources/cluster.ts';
import { parseBindAddress } from '../../agent/serving/bind-address.ts';
import { environment, made, programs as taken } from '../../tools/image/parts.ts';
import { calledPrograms, askedResources } from './called.ts';
import { choices } from './choices.ts';
import { fieldProblems } from './fields.ts';
import { kustomize, type Manifest, withKustomization } from './kustomize.ts';
import { configOf, type PodSpec, podOf } from './pod.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const metrics = join(root, 'deploy/components/metrics');
const leases = join(root, 'deploy/components/leases');

const variants = (['iptables', 'ipvs', 'nftables'] as const).map((mode) => ({
  mode,
  plain: kustomize(join(root, 'deploy/overlays', mode)),
  withMetrics: kustomize(join(root, 'deploy/overlays', mode), [metrics]),
}));

function only(manifests: readonly Manifest[], kind: string): Manifest {
  const [found, ...others] = manifests.filter((manifest) => manifest.kind === kind);
  if (found === undefined || others.length > 0) throw new Error(`not one ${kind}`);
  return found;
}

describe.each(variants)('the manifests for $mode', ({ mode, plain, withMetrics }) => {
  it('can be applied to any cluster: no kind of theirs needs a definition first', () => {
    const builtIn = /^(v1|apps\/v1|rbac\.authorization\.k8s\.io\/v1)$/;
    expect(plain.filter(({ apiVersion }) => !builtIn.test(apiVersion)).map(({ kind }) => kind)).toEqual([]);
  });

  it('allow what the agent asks of the API, and nothing else', () => {
    const rules = plain.filter(({ kind }) => /^(Cluster)?Role$/.test(kind)).flatMap((role) => role.rules ?? []);
    const allowed = rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.flatMap((name) => verbs.map((verb) => `${group}/${name} ${verb}`))),
    );
    const watched = watchedKinds(true, 'n').flatMap(({ apiVersion, plural }) => {
      const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
      return [`${group}/${plural} list`, `${group}/${plural} watch`];
    });
    expect(askedResources()).toContain('/events create');
    expect(allowed.sort()).toEqual([...new Set([...watched, ...askedResources()])].sort());
  });

  it('let Leases be read where that was chosen, in their namespace alone', () => {
    const { apiVersion, plural, namespace } = leaseKind(defaultLeaseNamespace);
    expect(JSON.stringify(plain)).not.toContain(plural);
    const withLeases = kustomize(join(root, 'deploy/overlays', mode), [leases]);
    const role = only(withLeases, 'Role');
    expect(role.metadata.namespace).toBe(namespace);
    expect(role.rules).toEqual([
      { apiGroups: [apiVersion.split('/')[0]], resources: [plural], verbs: ['list', 'watch'] },
    ]);
    const binding = only(withLeases, 'RoleBinding') as Manifest & { readonly subjects: readonly object[] };
    expect(binding.metadata.namespace).toBe(namespace);
    expect(binding).toMatchObject({ roleRef: { kind: 'Role', name: role.metadata.name } });
    expect(binding.subjects).toEqual([{ kind: 'ServiceAccount', name: 'slicewright', namespace: 'kube-system' }]);
  });

  it('give the agent two capabilities, and a root file system that it cannot write', () => {
    const pod = podOf(plain);
    expect(pod.containers.map(({ securityContext }) => securityContext)).toEqual([
      {
        runAsUser: 0,
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
        seccompProfile: { type: 'RuntimeDefault' },
      },
    ]);
    expect([pod.hostPID, pod.hostIPC]).toEqual([undefined, undefined]);
  });

  it('are privileged in the container that ends at once, and there only', () => {
    const { initContainers, containers } = podOf(plain);
    expect(initContainers.map(({ args, securityContext }) => [args[1], securityContext])).toEqual([
      ['--init-only', { runAsUser: 0, privileged: true, readOnlyRootFilesystem: true }],
    ]);
    expect(JSON.stringify(containers)).not.toContain('privileged');
  });

  it('mount of the host the two locks, and kernel modules only to load them', () => {
    const { volumes, initContainers, containers } = podOf(withMetrics);
    const hostPaths = new Map(volumes.flatMap(({ name, hostPath }) => (hostPath ? [[name, hostPath.path]] : [])));
    const mounted = (from: typeof containers) =>
      from.flatMap(({ volumeMounts }) =>
        volumeMounts.map((mount) => ({ ...mount, host: hostPaths.get(mount.name) })).filter(({ host }) => host),
      );
    const writers = { name: 'writers', mountPath: defaultLockDir, host: defaultLockDir };
    expect(mounted(containers)).toEqual([
      { name: 'lock', mountPath: '/run/xtables.lock', host: '/run/xtables.lock' },
      writers,
    ]);
    const modules = { name: 'modules', mountPath: '/lib/modules', readOnly: true, host: '/lib/modules' };
    expect(mounted(initContainers)).toEqual(mode === 'iptables' ? [writers] : [writers, modules]);
    const names = [...containers, ...initContainers].flatMap(({ volumeMounts }) =>
      volumeMounts.map(({ name }) => name),
    );
    expect(new Set(names)).toEqual(new Set(volumes.map(({ name }) => name)));
  });

  it('name the image that `make image` makes of this version, with a tag that nodes need not pull anew', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    const { initContainers, containers } = podOf(plain);
    const images = [...initContainers, ...containers].map(({ image }) => image);
    expect(new Set(images)).toEqual(new Set([`slicewright:${version}`]));
  });

  it('hold a configuration that is understood', () => {
    const choices = { compat: 'none', backend: undefined, forAgent: true } as const;
    const { backend, diagnostics } = parseConfiguration(load(configOf(plain)), 'config.yaml', choices);
    expect([backend, diagnostics.filter(({ severity }) => severity !== 'info')]).toEqual([mode, []]);
  });

  it('show metrics to others only where that was chosen, and then at a port that PodMonitor finds', () => {
    expect(configOf(withMetrics)).toMatch(/metricsBindAddress: 127\.0\.0\.1:10249/);
    expect(podOf(plain).containers[0]?.args.join(' ')).not.toContain('scrape');
    const [agent] = podOf(withMetrics).containers;
    expect(agent?.args).toContain('--scrape-address=$(HOST_IP)');
    expect(agent?.env.map(({ name }) => name)).toContain('HOST_IP');
    const monitor = only(withMetrics, 'PodMonitor');
    const { spec, metadata } = monitor as { spec: { podMetricsEndpoints: { port: string }[] } } & Manifest;
    expect(agent?.ports).toEqual([{ name: spec.podMetricsEndpoints[0]?.port, containerPort: 10249 }]);
    expect(metadata.namespace).toBe('kube-system');
  });
});

describe.each(choices)('the manifests for $name', ({ kustomization }) => {
  const manifests = withKustomization(kustomization, (folder) => kustomize(folder));

  it('have only fields that Kubernetes has, each with a value of its type', () => {
    const custom = manifests.filter((manifest) => fieldProblems(manifest) === undefined).map(({ kind }) => kind);
    expect(custom.filter((kind) => kind !== 'PodMonitor' && kind !== 'PrometheusRule')).toEqual([]);
    expect(manifests.flatMap((manifest) => fieldProblems(manifest) ?? [])).toEqual([]);
  });

  it('name each object once, and a namespace wherever there is one to name', () => {
    const keys = manifests.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`);
    expect(new Set(keys).size).toBe(keys.length);
    const clusterWide = /^(Namespace|ClusterRole|ClusterRoleBinding)$/;
    for (const { kind, metadata } of manifests) {
      expect(metadata.namespace === undefined, `${kind} ${metadata.name}`).toBe(clusterWide.test(kind));
    }
  });

  it('probe the port of the configuration that is mounted, on an address of either family', () => {
    const { healthzBindAddress } = load(configOf(manifests)) as { healthzBindAddress?: string };
    const { host, port } = parseBindAddress(healthzBindAddress ?? '0.0.0.0:10256') ?? {};
    expect(host).toBe('0.0.0.0');
    for (const { livenessProbe, readinessProbe } of podOf(manifests).containers) {
      expect([livenessProbe.httpGet.port, readinessProbe.httpGet.port]).toEqual([port, port]);
    }
  });

  it('run on Linux, ask for what was measured and limit nothing', () => {
    const { nodeSelector, initContainers, containers } = podOf(manifests);
    expect(nodeSelector).toMatchObject({ 'kubernetes.io/os': 'linux' });
    expect(containers.map(({ resources }) => resources)).toEqual([{ requests: { cpu: '50m', memory: '192Mi' } }]);
    for (const { env } of [...initContainers, ...containers]) {
      expect(env).toContainEqual({ name: 'NODE_OPTIONS', value: '--max-semi-space-size=1' });
    }
    for (const setting of environment) expect(read('deploy/Dockerfile')).toContain(`\nENV ${setting}\n`);
  });

  it('give the agent arguments that it takes, with files that are mounted', () => {
    const { containers, volumes } = podOf(manifests);
    const [agent] = containers;
    const mounts = agent?.volumeMounts.map(({ mountPath }) => mountPath) ?? [];
    for (const argument of agent?.args ?? []) {
      const [, path] = /=(\/[^=]*)$/.exec(argument) ?? [];
      if (path !== undefined)
        expect(
          mounts.some((mount) => path.startsWith(`${mount}/`)),
          argument,
        ).toBe(true);
    }
    expect(new Set(volumes.map(({ name }) => name)).size).toBe(volumes.length);
  });
});

describe('the registry of overlays/two-clusters', () => {
  const manifests = kustomize(join(root, 'deploy/overlays/two-clusters'));
  const named = (kind: string, name: string) =>
    manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);

  it('is one, and has the clusters that the arguments name, with the key that the Secret is made with', () => {
    const text = named('ConfigMap', 'slicewright-registry')?.data?.['registry.yaml'] ?? '';
    const { clusters } = parseRegistry(load(text), 'registry.yaml');
    const args = podOf(manifests).containers[0]?.args ?? [];
    const given = args.flatMap(
      (text) => /^--cluster=(.*)=\/etc\/slicewright-clusters\/(.*)$/.exec(text)?.slice(1) ?? [],
    );
    expect(given).toEqual(clusters.flatMap(({ id }) => [id, `${id}.kubeconfig`]));
    expect(read('deploy/README.md')).toContain(`slicewright-clusters --from-file=${given[1]}\n`);
  });
});

describe('the configuration for use beside kube-proxy', () => {
  it.each(['iptables', 'ipvs', 'nftables'])('is the other one on ports of its own: %s', (mode) => {
    const data = kustomize(join(root, 'deploy/overlays', mode)).find(({ kind }) => kind === 'ConfigMap')?.data;
    const own = data?.['config.yaml']?.replace('10256', '10266').replace('10249', '10259');
    expect(data?.['beside.yaml']?.trim()).toBe(own?.trim());
  });
});

describe('the account that agents of other clusters read with', () => {
  it('may read what they watch, and nothing else', () => {
    const rules = kustomize(join(root, 'deploy/reader')).flatMap((manifest) => manifest.rules ?? []);
    const watched = watchedKinds(false, 'n').flatMap(({ apiVersion, plural }) => {
      const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
      return [`${group}/${plural} list`, `${group}/${plural} watch`];
    });
    const allowed = rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.flatMap((name) => verbs.map((verb) => `${group}/${name} ${verb}`))),
    );
    expect(allowed.sort()).toEqual(watched.sort());
  });
});

describe('the image', () => {
  /** Of Debian. What is not here is a program that nobody thought of. */
  const packageOf: Readonly<Record<string, string>> = {
    conntrack: 'conntrack',
    ip: 'iproute2',
    ip6tables: 'iptables',
    iptables: 'iptables',
    ipset: 'ipset',
    ipvsadm: 'ipvsadm',
    modprobe: 'kmod',
    nfacct: 'nfacct',
    nft: 'nftables',
    sysctl: 'procps',
    // In every Debian.
    ...{ cat: 'coreutils', ls: 'coreutils', tee: 'coreutils', uname: 'coreutils' },
  };

  const imagePrograms = new Set([...taken, ...[...made.keys()].map((path) => basename(path))]);

  it('has every program that is called, and no package for nothing', () => {
    const programs = calledPrograms();
    const needed = new Set(programs.map((name) => packageOf[name.replace(/^(ip6?tables)-.*/, '$1')] ?? `? ${name}`));
    expect(programs).toEqual(
      expect.arrayContaining(['conntrack', 'ip', 'ipset', 'ipvsadm', 'modprobe', 'sysctl', 'tee']),
    );
    const installed = read('deploy/debian-packages').trim().split('\n');
    expect(installed).toEqual([...needed].filter((name) => name !== 'coreutils').sort());
    expect(programs.filter((name) => !imagePrograms.has(name))).toEqual([]);
    const [, , final = ''] = read('deploy/Dockerfile').split(/^FROM /m);
    expect(final).toContain('COPY deploy/debian-packages /opt/\n');
    expect(final).toContain('xargs apt-get install -y --no-install-recommends </opt/debian-packages');
  });

  it('is made of what npm publishes, with the Node that the project runs on', () => {
    const image = read('deploy/Dockerfile');
    const { bin, files } = JSON.parse(read('package.json')) as { bin: { slicewright: string }; files: string[] };
    const copied = [...image.matchAll(/^COPY (?!--from)(\S+) (\S+)$/gm)].map(([, from, to]) => ({ from, to }));
    expect(copied).toContainEqual({ from: 'dist', to: '/opt/slicewright' });
    expect(files).toContain('dist');
    expect(image).toContain(`"/opt/slicewright/${bin.slicewright.replace('dist/', '')}"`);
    const context = copied.map(({ from }) => `!${from}`).sort();
    expect(read('deploy/Dockerfile.dockerignore').trim().split('\n').sort()).toEqual([...context, '*'].sort());
    expect(image).toContain('COPY deploy/node-version /opt/node/\n');
    expect(image).toContain('node-linux-$arch@$(cat /opt/node/node-version)"');
    expect(read('tools/setup.sh')).toContain('node_version=$(cat deploy/node-version)\n');
  });
});

describe.each(['dry-run', 'hand-over'])('deploy/move/%s.yaml', (name) => {
  const pod = load(read(`deploy/move/${name}.yaml`)) as { readonly spec: PodSpec & Record<string, unknown> };
  const [container, ...others] = pod.spec.containers;
  const agent = podOf(kustomize(join(root, 'deploy/overlays/ipvs')));

  it("has the agent's image and privileges, on the network of the node that is put in", () => {
    expect(others).toEqual([]);
    expect(container?.image).toBe(agent.containers[0]?.image);
    expect(container?.securityContext).toEqual(agent.containers[0]?.securityContext);
    expect(pod.spec).toMatchObject({ hostNetwork: true, nodeName: 'NODE', tolerations: [{ operator: 'Exists' }] });
    expect(pod.spec.hostPID).toBeUndefined();
  });

  it('mounts what the agent mounts, and nothing else', () => {
    const mountsOf = ({ volumes }: PodSpec) =>
      new Map(volumes.map(({ name: volume, hostPath, configMap }) => [volume, hostPath ?? configMap]));
    const known = mountsOf(agent);
    for (const [volume, source] of mountsOf(pod.spec)) expect(known.get(volume)).toEqual(source);
    expect(container?.volumeMounts.map((mount) => mount.name).sort()).toEqual([...mountsOf(pod.spec).keys()].sort());
  });
});
