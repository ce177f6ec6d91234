import { type Cidr, type Family, familyOf, families, type IpAddress } from '../values/address.ts';
import { type Fields, fieldsOf, isAbsent, listOf, type Report, show } from './fields.ts';
import { parseLenientAddress, parseLenientCidr } from './lenient-address.ts';
import { specialAddress } from './special-address.ts';

/**
 * An address that a load balancer gave a Service; in mode Proxy its traffic never arrives at the node under this
 * address.
 */
export interface LoadBalancerIP {
  readonly address: IpAddress;
  readonly mode: 'VIP' | 'Proxy';
}

/** ipFamilies gives the family of each of clusterIPs; without it clusterIP alone counts. */
export function parseClusterIPs(spec: Fields, report: Report): Partial<Record<Family, IpAddress>> {
  const result: Partial<Record<Family, IpAddress>> = {};
  const ipFamilies = listOf(spec, 'ipFamilies', 'spec.ipFamilies', report);
  if (ipFamilies.length === 0) {
    const address = parseClusterIP(spec.clusterIP, 'spec.clusterIP', report);
    if (address !== undefined) result[familyOf(address)] = address;
    return result;
  }
  const clusterIPs = listOf(spec, 'clusterIPs', 'spec.clusterIPs', report);
  for (const family of families) {
    const index = ipFamilies.indexOf(family);
    if (index < 0 || index >= clusterIPs.length) continue;
    const field = `spec.clusterIPs[${index}]`;
    const address = parseClusterIP(clusterIPs[index], field, report);
    if (address === undefined) continue;
    if (familyOf(address) === family) result[family] = address;
    else
      report(
        'warning',
        'service-family-mismatch',
        field,
        `${address} is not ${family}, which ipFamilies requires; it is left out`,
      );
  }
  return result;
}

function parseClusterIP(value: unknown, field: string, report: Report): IpAddress | undefined {
  const address = parseLenientAddress(value);
  if (address === undefined) {
    report('warning', 'service-bad-address', field, `${show(value)} is not an IP address; this cluster IP is left out`);
    return undefined;
  }
  return refuseSpecial(address, field, report);
}

/** Link-local addresses are kept: some load balancers do give them out. */
function refuseSpecial(address: IpAddress, field: string, report: Report): IpAddress | undefined {
  const special = specialAddress(address);
  if (special === undefined || special === 'link-local') return address;
  report(
    'warning',
    'service-bad-address',
    field,
    `${address} (${special}) cannot be a Service's address; it is left out`,
  );
  return undefined;
}

/** Clouds answer at such addresses, and hand out the node's credentials there among other things. */
function reportLinkLocal(address: IpAddress, field: string, report: Report): void {
  const message = `${address} is link-local; traffic from this node and its pods to it reaches the Service instead of another server there (such as a cloud's metadata service)`;
  report('warning', 'service-link-local', field, message);
}

export function parseAddresses(values: readonly unknown[], path: string, report: Report): IpAddress[] {
  const addresses: IpAddress[] = [];
  for (const [i, value] of values.entries()) {
    const address = parseLenientAddress(value);
    if (address === undefined) {
      report('warning', 'service-bad-address', `${path}[${i}]`, `${show(value)} is not an IP address; it is left out`);
    } else if (refuseSpecial(address, `${path}[${i}]`, report) !== undefined) {
      addresses.push(address);
      if (specialAddress(address) === 'link-local') reportLinkLocal(address, `${path}[${i}]`, report);
    }
  }
  return addresses;
}

export function parseIngress(status: Fields, report: Report): LoadBalancerIP[] {
  const loadBalancer = fieldsOf(status, 'loadBalancer', 'status.loadBalancer', report);
  const result: LoadBalancerIP[] = [];
  const path = 'status.loadBalancer.ingress';
  for (const [i, entry] of listOf(loadBalancer, 'ingress', path, report).entries()) {
    const fields = fieldsOf({ entry }, 'entry', `${path}[${i}]`, report);
    if (isAbsent(fields.ip) || fields.ip === '') continue; // a host name only
    const [address] = parseAddresses([fields.ip], `${path}[${i}].ip`, report);
    if (address === undefined) continue;
    const mode = fields.ipMode;
    if (!isAbsent(mode) && mode !== 'VIP' && mode !== 'Proxy') {
      report(
        'warning',
        'service-bad-ip-mode',
        `${path}[${i}].ipMode`,
        `${show(mode)} is not valid: use VIP or Proxy; the address is left out`,
      );
      continue;
    }
    result.push({ address, mode: mode === 'Proxy' ? 'Proxy' : 'VIP' });
  }
  return result;
}

export function parseSourceRanges(spec: Fields, report: Report): Cidr[] {
  const path = 'spec.loadBalancerSourceRanges';
  const ranges: Cidr[] = [];
  for (const [i, value] of listOf(spec, 'loadBalancerSourceRanges', path, report).entries()) {
    const range = parseLenientCidr(typeof value === 'string' ? value.trim() : value);
    if (range !== undefined) ranges.push(range);
    else report('warning', 'service-bad-range', `${path}[${i}]`, `${show(value)} is not a CIDR; it allows no clients`);
  }
  return ranges;
}
