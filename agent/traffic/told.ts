import { z } from 'zod';
import { parseAddress } from '../../compiler/values/address.ts';
import { parsePort, protocols } from '../../compiler/values/port.ts';
import { rational } from '../../compiler/values/rational.ts';
import type { AskedPort } from './asked.ts';

const numerator = z.string().regex(/^\d{1,30}$/);
const denominator = z.string().regex(/^[1-9]\d{0,29}$/);
const pool = z.enum(['cluster', 'local']);
const told = z.object({
  /** The agent's mode: the name of its backend. */
  mode: z.string(),
  ports: z.array(
    z.object({
      id: z.string(),
      service: z.string(),
      portName: z.string(),
      family: z.enum(['IPv4', 'IPv6']),
      protocol: z.enum(protocols as ['TCP', 'UDP', 'SCTP']),
      pools: z.array(pool),
      places: z.array(z.object({ address: z.string().optional(), port: z.number(), pool: pool.optional() })),
      affinity: z.boolean(),
      endpoints: z.array(
        z.object({ endpoint: z.string(), cluster: z.string(), shares: z.array(z.tuple([numerator, denominator])) }),
      ),
    }),
  ),
});

/** The agent's answer. */
export interface Told {
  readonly mode: string;
  readonly asked: readonly AskedPort[];
}

/** undefined: an agent of this version does not answer like this */
export function parseTold(value: unknown): Told | undefined {
  const parsed = told.safeParse(value);
  if (!parsed.success) return undefined;
  const asked = parsed.data.ports.map((port) => ({
    ...(port as unknown as AskedPort),
    places: port.places.flatMap(({ address, port: number, pool: from }) => {
      const parsedPort = parsePort(number);
      return parsedPort === undefined ? [] : [{ address: parseAddress(address), port: parsedPort, pool: from }];
    }),
    endpoints: port.endpoints.map((one) => ({
      ...one,
      shares: one.shares.map(([above, below]) => rational(BigInt(above), BigInt(below))),
    })),
  }));
  return { mode: parsed.data.mode, asked };
}
