import type { Request as StationRequest } from '../netns/station-protocol.ts';
import type { Topology } from '../netns/topology.ts';

/**
 * The requests of a test to the agent inside an emulated machine. A network is identified by the number that
 * `boot` returned.
 */
export type MachineRequest =
  | { readonly kind: 'boot'; readonly topology: Topology }
  | {
      readonly kind: 'run';
      readonly network: number;
      readonly host: string;
      readonly file: string;
      readonly args: readonly string[];
      readonly input?: string | undefined;
      /** As in `Network.run`. */
      readonly limitMs?: number | undefined;
    }
  | { readonly kind: 'station'; readonly network: number; readonly host: string; readonly request: StationRequest }
  | { readonly kind: 'close'; readonly network: number };
