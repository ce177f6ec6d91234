import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { auditCommand, type AuditOptions } from '../../agent/commands/audit.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import type { Run } from '../../backends/command.ts';
import { expectedFile } from '../conformance/cases.ts';

/** The outputs of tools on a node in each mode: the file names in dumps, and those of the records. */
export const records: Readonly<Record<string, readonly (readonly [file: string, record: string])[]>> = {
  iptables: [
    ['iptables-save', 'iptables-save'],
    ['ip6tables-save', 'ip6tables-save'],
  ],
  ipvs: [
    'ipvs.iptables-save',
    'ipvs.ip6tables-save',
    'ipset-save',
    'ipvsadm-save',
    'kube-ipvs0-addrs',
    'ipvs.sysctls',
  ].map((file) => [file, file]),
  nftables: [
    ['nft', 'nft'],
    ['nft', 'ip6.nft'],
  ],
};

/** The files of a node on which a real kube-proxy worked; empty: there is no record in this mode. */
export function recordOf(mode: string, name: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const [file, record] of records[mode] ?? []) {
    const text = expectedFile(name, `expected.${record}`);
    if (text !== undefined) files.set(file, (files.get(file) ?? '') + text);
  }
  return files;
}

const cases = fileURLToPath(new URL('../conformance/cases/', import.meta.url));
const noRun: Run = () => Promise.reject(new Error('a dump needs no command'));

export interface FoundFinding {
  readonly status: string;
  readonly address: string;
  readonly port: number;
  readonly protocol: string;
  readonly cause: string;
  readonly codes: readonly string[];
  readonly notUnderstood: readonly string[];
  readonly example: { readonly packet: string; readonly wanted: readonly string[]; readonly found: readonly string[] };
}

interface FoundOutcome {
  readonly services: readonly {
    readonly service: string;
    readonly status: string;
    readonly findings: readonly FoundFinding[];
  }[];
  readonly elsewhere: readonly FoundFinding[];
}

export interface FoundFamily extends FoundOutcome {
  readonly family: string;
  readonly mode: string;
  readonly mayIntercept: readonly string[];
  readonly notFollowed: readonly string[];
  readonly after: (FoundOutcome & { readonly mode: string }) | null;
}

export interface Audited {
  readonly status: number;
  readonly families: readonly FoundFamily[];
  readonly err: string;
}

/** Every finding, with its Service. */
export function findingsIn({
  services,
  elsewhere,
}: FoundOutcome): readonly (FoundFinding & { readonly service: string })[] {
  return [
    ...services.flatMap(({ service, findings }) => findings.map((one) => ({ service, ...one }))),
    ...elsewhere.map((one) => ({ service: '(no Service)', ...one })),
  ];
}

/** `shop/cart` of every Service with this status. */
export function servicesThatAre(status: string, families: readonly FoundFamily[]): string[] {
  return families.flatMap(({ services }) =>
    services.filter((one) => one.status === status).map(({ service }) => service),
  );
}

/**
 * Audits a dump.
 *
 * paths   the paths of objects, the Node and the configuration
 * files   a folder of the dump's files; a single file named `*.save` is passed alone
 */
export async function auditFiles(
  paths: Pick<AuditOptions, 'filename' | 'node' | 'config'>,
  files: ReadonlyMap<string, string>,
  more: Partial<AuditOptions> = {},
): Promise<Audited> {
  const folder = mkdtempSync(join(tmpdir(), 'slicewright-audit-'));
  try {
    mkdirSync(join(folder, 'node'));
    for (const [file, text] of files) writeFileSync(join(folder, 'node', file), text);
    const [first = ''] = files.keys();
    const path = first.endsWith('.save') ? join(folder, 'node', first) : join(folder, 'node');
    const io = memoryIo();
    const options = { ...paths, against: [path], output: 'json', diagnostics: 'human', ...more } as const;
    const status = await auditCommand([], options, io, noRun, { name: 'here', addresses: [] });
    const { out, err } = io.written;
    return { status, families: out === '' ? [] : (JSON.parse(out) as { families: FoundFamily[] }).families, err };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Audits the rules that a kube-proxy left in a case, or files that replace them. */
export function auditCase(
  mode: string,
  name: string,
  {
    files = recordOf(mode, name),
    ...more
  }: Partial<AuditOptions> & { readonly files?: ReadonlyMap<string, string> } = {},
): Promise<Audited> {
  const at = `${cases}${name}/`;
  return auditFiles(
    { filename: [`${at}input.yaml`], node: `${at}node.yaml`, config: `${at}kube-proxy.yaml` },
    files,
    more,
  );
}
