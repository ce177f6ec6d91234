import type { Since } from '../../backends/target.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { Family } from '../../compiler/values/address.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import type { ClusterName, ServiceKey } from '../../compiler/values/names.ts';
import type { ClusterState } from '../../compiler/registry/registry.ts';
import type { EndpointCounts } from './endpoint-counts.ts';
import type { DriftedPart, FamilySync } from '../../backends/plane/plane.ts';
import type { ReflectorState } from '../sources/reflector-options.ts';

/** How many changes one look brought. */
export interface ChangesTaken {
  readonly services: number;
  readonly endpointSlices: number;
  readonly others: number;
}

/**
 * Everything that the agent reports about itself. Logs, metrics, Kubernetes Events, health and
 * `slicewright status` listen to this one union: each event is reported once, and a new kind
 * fails to compile where a listener does not handle it.
 */
export type AgentEvent =
  | {
      readonly kind: 'source';
      readonly cluster: ClusterName | undefined;
      readonly from: string;
      readonly objectKind: string;
      /** The agent can work without the kind. */
      readonly forgone: boolean;
      readonly state: ReflectorState;
    }
  /** Nothing is written yet: these sources were not read completely. */
  | { readonly kind: 'waiting'; readonly for: readonly string[] }
  | { readonly kind: 'ready' }
  /** Settings that could not be made on the node before the first rule. */
  | { readonly kind: 'prepared'; readonly problems: readonly Diagnostic[] }
  /** Changes were taken in; `ports` Service ports of them affect rules. */
  | {
      readonly kind: 'changes';
      readonly taken: ChangesTaken;
      readonly ports: number;
      /** Families in which changes wait for a sync now. */
      readonly families: readonly Family[];
    }
  | {
      readonly kind: 'synced';
      readonly family: Family;
      readonly sync: FamilySync;
      readonly services: readonly ServicePortIR[];
      /** How they differ from those that were in force before, if that is known. */
      readonly since?: Since | undefined;
      readonly durationMs: number;
      /** From the arrival of each change that is now in force. */
      readonly latenciesMs: readonly number[];
      /** The same by the changed object's cluster: `local`, `member1`. */
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
  /** A health check node port cannot be opened. It is tried again with every sync; only the first failure is reported. */
  | {
      readonly kind: 'health-check-failed';
      readonly service: ServiceKey;
      readonly port: number;
      readonly problem: string;
    }
  /** A registered cluster's assumed state has changed. */
  | {
      readonly kind: 'lease';
      readonly cluster: ClusterName;
      readonly state: ClusterState;
      /** The evidence of its witnesses. */
      readonly why: string;
      readonly ageMs: number;
    }
  /** All problems with Leases of clusters now; empty: there are none any more. */
  | { readonly kind: 'lease-problems'; readonly diagnostics: readonly Diagnostic[] }
  /** How many deleted slices of a cluster are still used (MR-73); 0: none any more. */
  | { readonly kind: 'slices-held'; readonly cluster: ClusterName; readonly count: number }
  /** The first program is not written because it would remove too many Services (gate.ts). */
  | { readonly kind: 'removal-held'; readonly services: number; readonly why: string }
  | { readonly kind: 'removal-released' }
  /** Diagnostics about objects, and the states of endpoints. */
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
