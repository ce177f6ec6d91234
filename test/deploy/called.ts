import { globSync, readFileSync } from 'node:fs';

/** The calls of the sources, found in their text, so that no list has to be maintained by hand. */

const root = new URL('../../', import.meta.url);

/** The text of all sources that run on a node. */
function sources(): string {
  const files = globSync(['agent/**/*.ts', 'backends/**/*.ts'], { cwd: root });
  const used = files.filter((path) => !/\.(test|fixture)\.ts$|\/fake\//.test(path)).sort();
  return used.map((path) => readFileSync(new URL(path, root), 'utf8')).join('\n');
}

/**
 * Programs that are started, by name: found where a `Run` is called, where a script names the file that it is for,
 * and wherever a program of iptables is named.
 */
export function calledPrograms(): string[] {
  const patterns = [
    /\brun\(\s*'([^']+)'/g,
    /\boutput\(\s*run,\s*'([^']+)'/g,
    /\bfile: '([a-z][a-z-]*)'/g,
    // Programs that make the kernel load a module: backends/host/modules.ts.
    /: \['([a-z]+)', '-/g,
    /'(ip6?tables(?:-legacy|-nft)?(?:-save|-restore)?)'/g,
  ];
  const text = sources();
  return [...new Set(patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, name]) => name ?? '')))].sort();
}

/** The requests to an API server besides watching: `/events create`, `coordination.k8s.io/leases get`. */
export function askedResources(): string[] {
  const verbs: Readonly<Record<string, string>> = { get: 'get', post: 'create', put: 'update', patch: 'patch' };
  const calls = [...sources().matchAll(/\b(get|post|put|patch)\(\s*`(\/api[^`]*)`/g)];
  return calls.map(([, verb = '', path = '']) => {
    const [, group = '', resource] =
      /^\/(?:api\/v1|apis\/([^/]+)\/[^/]+)\/(?:namespaces\/\$\{[^}]+\}\/)?([a-z]+)/.exec(path) ?? [];
    if (resource === undefined) throw new Error(`${path} is no path of a collection`);
    return `${group}/${resource} ${verbs[verb]}`;
  });
}
