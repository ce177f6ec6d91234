import type { Since } from '../../backends/target.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { Family } from '../../compiler/values/address.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import type { ClusterName, ServiceKey } from '../../compiler/values/names.ts';
import type { ClusterState } from '../../compiler/registry/registry.ts';
import type { EndpointCounts } from './endpoint-counts.ts';
import type { DriftedPart, FamilySync } from '../../backends/plane/plane.ts';
import type { ReflectorState } from '../sources/reflector-options.ts';

/** What one look at the changes brought. */
export interface ChangesTaken {
  readonly services: number;
  readonly endpointSlices: number;
  readonly others: number;
}

/**
 * Everything that the agent tells of itself. Logs, metrics, Kubernetes Events, health and
 * `slicewright status` are listeners to this one union: what happens is said once, and a kind that
 * is new fails to compile where it is not yet told.
 */
export type AgentEvent =
  | {
      readonly kind: 'source';
      readonly cluster: ClusterName | undefined;
      readonly from: string;
      readonly objectKind: string;
      /** Nothing depends on the kind. */
      readonly forgone: boolean;
      readonly state: ReflectorState;
    }
  /** Nothing is written yet: these sources were not read completely. */
  | { readonly kind: 'waiting'; readonly for: readonly string[] }
  | { readonly kind: 'ready' }
  /** What could not be set on the node before the first rule. */
  | { readonly kind: 'prepared'; readonly problems: readonly Diagnostic[] }
  /** Changes were taken in; `ports` of them mean something for rules. */
  | {
      readonly kind: 'changes';
      readonly taken: ChangesTaken;
      readonly ports: number;
      /** Families in which something waits for a sync now. */
      readonly families: readonly Family[];
    }
  | {
      readonly kind: 'synced';
      readonly family: Family;
      readonly sync: FamilySync;
      readonly services: readonly ServicePortIR[];
      /** How they come out of what was in force before, if that is known. */
      readonly since?: Since | undefined;
      readonly durationMs: number;
      /** From the arrival of each change that is now in force. */
      readonly latenciesMs: readonly number[];
      /** The same by the cluster that the change speaks of: `local`, `member1`. */
      readonly latenciesByCluster: ReadonlyMap<string, readonly number[]>;
      /** From the cause of each slice's change, as its controller stamped it. */
      readonly networkLatenciesMs: readonly number[];
    }
  | {
      readonly kind: 'sync-failed';
      readonly family: Family;
      readonly depth: 'full' | 'delta';
      readonly error: Error;
      readonly retryInMs: number;
    }
  /** Another program changed slicewright's chains; they are restored. isFlush: `flushed` reported it before. */
  | {
      readonly kind: 'drift';
      readonly family: Family;
      readonly chains: readonly DriftedPart[];
      readonly isFlush: boolean;
    }
  /** A look at the hooks or slicewright's mark found them gone: a firewall was reloaded. */
  | { readonly kind: 'flushed'; readonly family: Family; readonly missing: string }
  | {
      readonly kind: 'quarantined';
      readonly family: Family;
      /** `shop/cart:http` */
      readonly service: string;
      readonly message: string;
      readonly retryInMs: number;
    }
  | { readonly kind: 'released'; readonly family: Family; readonly service: string }
  /** A health check node port begins to be one that cannot be opened. It is tried again with every sync. */
  | {
      readonly kind: 'health-check-failed';
      readonly service: ServiceKey;
      readonly port: number;
      readonly problem: string;
    }
  /** A registered cluster is believed to be in another state than before. */
  | {
      readonly kind: 'lease';
      readonly cluster: ClusterName;
      readonly state: ClusterState;
      /** What its witnesses say. */
      readonly why: string;
      readonly ageMs: number;
    }
  /** All that is wrong with Leases of clusters now; empty: nothing any more. */
  | { readonly kind: 'lease-problems'; readonly diagnostics: readonly Diagnostic[] }
  /** So many slices of a cluster are used although they are gone (MR-73); 0: none any more. */
  | { readonly kind: 'slices-held'; readonly cluster: ClusterName; readonly count: number }
  /** The first program would take so many Services away that it is not written (gate.ts). */
  | { readonly kind: 'removal-held'; readonly services: number; readonly why: string }
  | { readonly kind: 'removal-released' }
  /** What there is to say of objects, and what is made of endpoints. */
  | {
      readonly kind: 'survey';
      readonly diagnostics: readonly Diagnostic[];
      readonly endpoints: EndpointCounts;
      /** Slices with endpoints of a Service, by cluster's name as in `endpoints`. */
      readonly slices: ReadonlyMap<string, number>;
      /** Services that no slice names. */
      readonly withoutSlices: readonly string[];
    };

export type Report = (event: AgentEvent) => void;
