import type { CompileInput } from '../../compiler/compile.ts';
import { parseCluster } from '../../compiler/model/objects.ts';
import type { Service, SkipReason } from '../../compiler/model/service.ts';
import type { ServiceImport } from '../../compiler/model/service-import.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import type { Target } from '../input/asked.ts';

/** Why a Service or port that was asked about is not served here, as the predicate of a sentence. */
export function whyAbsent({ clusters, settings }: CompileInput, { service, port }: Target): string {
  const own = clusters.filter(({ cluster }) => cluster === undefined).flatMap(({ objects }) => objects);
  const objects = parseCluster(undefined, own, [], settings.serviceProxyName);
  const services = objects.flatMap(({ kind, value }) => (kind === 'Service' && value.key === service ? [value] : []));
  const imports = objects.flatMap(({ kind, value }) =>
    kind === 'ServiceImport' && value.exported === service ? [value] : [],
  );
  const [found] = services;
  if (found !== undefined) return whyUnserved(found, port, settings.serviceProxyName);
  const [imported] = imports;
  return imported === undefined
    ? 'is neither a Service nor a ServiceImport of this cluster'
    : whyNotImported(imported, port);
}

function whyUnserved(service: Service, port: string | undefined, proxyName: string | undefined): string {
  if (service.skipped !== undefined) return skipTexts[service.skipped](proxyName);
  const ports = service.ports.map(({ name, port: number }) => (name === '' ? `${number}` : `${name} (${number})`));
  if (ports.length === 0) return 'has no port that can be served';
  if (port !== undefined) return `has no port ${port}; it has ${ports.join(', ')}`;
  if (Object.keys(service.clusterIPs).length === 0) return 'has no usable cluster IP';
  return 'is not served on this node: its addresses and ports already belong to other Services';
}

const skipTexts: Readonly<Record<SkipReason, (proxyName: string | undefined) => string>> = {
  'external-name': () => 'is an ExternalName Service: DNS resolves it, so it needs no rules',
  headless: () => 'is headless: DNS returns its endpoints, so it needs no rules',
  'no-cluster-ip': () => 'has no cluster IP, so it gets no rules',
  'foreign-proxy': (proxyName) =>
    `belongs to another proxy: its label service.kubernetes.io/service-proxy-name is not ${proxyName === undefined ? 'absent' : printable(proxyName)}`,
};

function whyNotImported({ derived, isDerived, service }: ServiceImport, port: string | undefined): string {
  if (isDerived && derived !== undefined)
    return `is a ServiceImport with the derived Service ${derived}: explain that Service`;
  if (service.skipped === 'no-cluster-ip')
    return 'is a ServiceImport without addresses (spec.ips), so it gets no rules';
  return `is a ServiceImport: ${whyUnserved(service, port, undefined)}`;
}
