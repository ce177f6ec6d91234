import type { ApiDouble } from '../apiserver/double.ts';
import { objectsIn } from './live.ts';
import { nativeSlice } from './stories.ts';

/**
 * A small stand-in for a member's own controllers: it makes a slice for every Service with a selector, named after
 * both, with a pod if there is a Deployment of the same name.
 */
export function standIn(member: string, double: ApiDouble, pod: string): void {
  const slices = (): void => {
    for (const { metadata, spec } of objectsIn(double, 'Service')) {
      const { name } = metadata as { readonly name: string };
      if ((spec as { readonly selector?: object }).selector === undefined) continue;
      const wanted = wantsPod(double, name) ? [pod] : [];
      const there = objectsIn(double, 'EndpointSlice').find((each) => nameOf(each) === `${name}-${member}`);
      const now = ((there?.['endpoints'] ?? []) as readonly { addresses: string[] }[]).flatMap(
        ({ addresses }) => addresses,
      );
      if (there === undefined || now.join() !== wanted.join()) double.apply(nativeSlice(name, member, wanted));
    }
    // Slices are deleted with their Service.
    for (const slice of objectsIn(double, 'EndpointSlice')) {
      const service = /^(.*)-[^-]+$/.exec(nameOf(slice))?.[1];
      const isIts = nameOf(slice) === `${service}-${member}`;
      if (isIts && !objectsIn(double, 'Service').some((each) => nameOf(each) === service))
        double.remove('EndpointSlice', 'default', nameOf(slice));
    }
  };
  double.store.listen(({ resource }) => {
    if (resource.kind === 'Service' || resource.kind === 'Deployment') queueMicrotask(slices);
  });
}

function wantsPod(double: ApiDouble, name: string): boolean {
  const deployment = objectsIn(double, 'Deployment').find((each) => nameOf(each) === name);
  const { replicas } = (deployment?.['spec'] ?? { replicas: 0 }) as { readonly replicas?: number };
  return replicas !== 0;
}

function nameOf(object: Readonly<Record<string, unknown>>): string {
  return (object['metadata'] as { readonly name: string }).name;
}
