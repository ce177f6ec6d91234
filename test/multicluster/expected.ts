import { parseAddress } from '../../compiler/values/address.ts';
import { type Member, members, type RawSlice, type RawService, type Snapshot, type Step } from './captures.ts';

/**
 * Where a slice's endpoints run, and the slice there that it copies; undefined: that slice is gone, and no endpoints
 * are expected.
 */
export interface Origin {
  readonly cluster: Member;
  readonly slice: RawSlice | undefined;
}

/**
 * The origin of a slice that a member holds, found from its providers: Karmada calls the copy of a slice
 * `<cluster>-<slice>` or `imported-<cluster>-<slice>`. No member's name begins another's, so a prefix is certain.
 * A copy of a copy has the origin of that copy.
 */
export function originOf(slice: RawSlice, holder: Member, step: Step): Origin {
  const { name, namespace } = slice.metadata;
  const bare = name.replace(/^imported-/, '');
  const provider = members.find((member) => bare.startsWith(`${member}-`));
  const isCopy = provider !== undefined && (name !== bare || provider !== holder);
  if (!isCopy) return { cluster: holder, slice };
  const wanted = bare.slice(provider.length + 1);
  const there = step.lastSeen[provider].slices.find(
    ({ metadata }) => metadata.name === wanted && metadata.namespace === namespace,
  );
  if (there !== undefined) return originOf(there, provider, step);
  const through = members.find((member) => wanted.startsWith(`${member}-`));
  return { cluster: through ?? provider, slice: undefined };
}

/** Text of the endpoints that new connections may reach, from the slices of the clusters that provide them. */
export function expectedEndpoints(
  service: RawService,
  portName: string,
  protocol: string,
  family: string,
  holder: Member,
  step: Step,
): string[] {
  const ready = new Set<string>();
  const leaving = new Set<string>();
  for (const slice of slicesOf(service, step.members[holder])) {
    if (slice.addressType !== family) continue;
    const source = originOf(slice, holder, step).slice;
    const port = source?.ports?.find((each) => (each.name ?? '') === portName && (each.protocol ?? 'TCP') === protocol);
    if (port?.port === undefined) continue;
    for (const { addresses, conditions = {} } of source?.endpoints ?? []) {
      const address = parseAddress(addresses[0]);
      const text = family === 'IPv6' ? `[${address}]:${port.port}` : `${address}:${port.port}`;
      if (conditions.ready !== false) ready.add(text);
      else if (conditions.serving !== false && conditions.terminating === true) leaving.add(text);
    }
  }
  return [...(ready.size > 0 ? ready : leaving)].sort();
}

function slicesOf(service: RawService, snapshot: Snapshot | undefined): RawSlice[] {
  const { namespace, name } = service.metadata;
  return (snapshot?.slices ?? []).filter(
    ({ metadata }) =>
      metadata.namespace === namespace &&
      metadata.labels['kubernetes.io/service-name'] === name &&
      metadata.labels['service.kubernetes.io/headless'] === undefined,
  );
}
