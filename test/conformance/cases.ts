import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { load, loadAll } from 'js-yaml';
import { parseConfiguration } from '../../agent/config/config.ts';
import type { BackendName } from '../../agent/config/values.ts';
import { compile } from '../../compiler/index.ts';
import type { Compilation } from '../../compiler/compile.ts';
import type { Compat } from '../../compiler/settings.ts';

const root = fileURLToPath(new URL('cases/', import.meta.url));

/** Names of all cases, sorted. */
export const caseNames: readonly string[] = readdirSync(root).sort();

/** What kube-proxy left in the kernel; undefined where the case has none of this. */
export function expectedFile(name: string, file: string): string | undefined {
  const path = `${root}${name}/${file}`;
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** Our IR for a case, from the same objects, node and configuration. */
export function compileCase(name: string, compat: Compat, backend: BackendName = 'iptables'): Compilation {
  const read = (file: string) => readFileSync(`${root}${name}/${file}`, 'utf8');
  const { settings, nodeName } = parseConfiguration(load(read('kube-proxy.yaml')), 'kube-proxy.yaml', {
    compat,
    backend,
  });
  const objects = [...loadAll(read('input.yaml')), load(read('node.yaml'))];
  return compile({ clusters: [{ cluster: undefined, objects }], settings, nodeName, localAddresses: undefined });
}
