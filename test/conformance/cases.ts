import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { load, loadAll } from 'js-yaml';
import { parseConfiguration } from '../../agent/config/config.ts';
import { compile } from '../../compiler/index.ts';
import type { Compilation } from '../../compiler/compile.ts';
import type { Compat } from '../../compiler/settings.ts';

const root = fileURLToPath(new URL('cases/', import.meta.url));

/** Names of all cases, sorted. */
export const caseNames: readonly string[] = readdirSync(root).sort();

/** The rules that kube-proxy left in the kernel; undefined where the case has no such file. */
export function expectedFile(name: string, file: string): string | undefined {
  const path = `${root}${name}/${file}`;
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** A case's objects, with its Node, and its configuration. */
export function readCase(name: string, compat: Compat, backend: string = 'iptables') {
  const read = (file: string) => readFileSync(`${root}${name}/${file}`, 'utf8');
  const configuration = load(read('kube-proxy.yaml'));
  const { settings, nodeName } = parseConfiguration(configuration, 'kube-proxy.yaml', { compat, backend });
  const objects: readonly unknown[] = [...loadAll(read('input.yaml')), load(read('node.yaml'))];
  return { name, objects, settings, nodeName };
}

/** slicewright's IR for a case. */
export function compileCase(name: string, compat: Compat, backend: string = 'iptables'): Compilation {
  const { objects, settings, nodeName } = readCase(name, compat, backend);
  return compile({ clusters: [{ cluster: undefined, objects }], settings, nodeName, localAddresses: undefined });
}
