import type { Backend } from '../../backends/backend.ts';
import type { Target } from '../../backends/target.ts';
import type { CompileInput } from '../../compiler/compile.ts';
import type { EndpointRecord } from '../../compiler/merge/record.ts';
import type { Cidr, Family } from '../../compiler/values/address.ts';
import { whyAbsent } from '../explain/absent.ts';
import type { Target as Named } from '../input/asked.ts';

/** The facts for explaining a packet: from files, or from an agent. */
export interface Knowledge {
  readonly backend: Backend;
  readonly targets: Readonly<Record<Family, Target>>;
  readonly endpoints: readonly EndpointRecord[];
  /** The ranges of all pods in the cluster. */
  readonly clusterCidrs: readonly Cidr[];
  /** Why a Service is not served, as the predicate of a sentence. */
  readonly whyAbsent: (service: Named) => string;
}

/** The facts from objects, as compiled for a backend. */
export function knowledgeOf(
  backend: Backend,
  { input, targets, endpoints }: Pick<Knowledge, 'targets' | 'endpoints'> & { readonly input: CompileInput },
): Knowledge {
  const { clusterCidrs } = input.settings;
  return { backend, targets, endpoints, clusterCidrs, whyAbsent: (service) => whyAbsent(input, service) };
}
