import {
  type DetectLocalMode,
  type InterfaceName,
  type IpvsScheduler,
  ipvsSchedulers,
  parseInterfaceName,
} from '../../compiler/settings.ts';
import { backendNames } from '../../backends/index.ts';
import { type Cidr, cidrFamily, type IpAddress, parseAddress, parseCidr } from '../../compiler/values/address.ts';

/** Parsers of single values: undefined for an invalid value. */

export function parseBoolean(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

export function parseText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Name of a node: trimmed and in lower case, as kube-proxy takes it. */
export function parseNodeName(value: unknown): string | undefined {
  const name = parseText(value)?.trim().toLowerCase();
  return name !== undefined && /^([a-z0-9][-a-z0-9.]{0,252})?$/.test(name) ? name : undefined;
}

/** `mode`: the name of a backend. */
export function parseMode(value: unknown): string | undefined {
  return backendNames().find((name) => name === value);
}

export function parseScheduler(value: unknown): IpvsScheduler | undefined {
  return ipvsSchedulers.find((scheduler) => scheduler === value);
}

const detectLocalModes: readonly DetectLocalMode[] = [
  'ClusterCIDR',
  'NodeCIDR',
  'BridgeInterface',
  'InterfaceNamePrefix',
];

export function parseDetectLocalMode(value: unknown): DetectLocalMode | undefined {
  return detectLocalModes.find((mode) => mode === value);
}

/** 0 to 31. */
export function parseBit(value: unknown): number | undefined {
  const count = parseCount(value);
  return count !== undefined && count <= 31 ? count : undefined;
}

export function parseCount(value: unknown): number | undefined {
  return Number.isInteger(value) && Number(value) >= 0 ? Number(value) : undefined;
}

export function parseInteger(value: unknown): number | undefined {
  return Number.isInteger(value) ? Number(value) : undefined;
}

export function parseNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

const secondsPer: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  // Go writes the micro sign, and reads the Greek letter too.
  µs: 1e-6,
  μs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};

const units = Object.keys(secondsPer).join('|');
const durationPart = new RegExp(`(\\d+(?:\\.\\d*)?|\\.\\d+)(${units})`, 'g');
const wholeDuration = new RegExp(`^\\+?(?:${durationPart.source})+$`);

/** A Go duration that is not negative (`1h15m30s`, `500ms`, `0`), in seconds. */
export function parseDurationSeconds(value: unknown): number | undefined {
  if (value === '0') return 0;
  if (typeof value !== 'string' || !wholeDuration.test(value)) return undefined;
  const parts = [...value.matchAll(durationPart)];
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (secondsPer[unit ?? ''] ?? 0), 0);
}

function parseList<T>(value: unknown, parseItem: (item: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items = value.map(parseItem).filter((item): item is T & ({} | null) => item !== undefined);
  return items.length === value.length ? items : undefined;
}

export function parseCidrs(value: unknown): Cidr[] | undefined {
  return parseList(value, parseCidr);
}

/** `10.1.0.0/16`, or one network of each family joined by a comma. */
export function parseCidrPair(value: unknown): Cidr[] | undefined {
  if (typeof value !== 'string') return undefined;
  const cidrs = parseCidrs(value.split(',').map((part) => part.trim()));
  const families = cidrs?.map(cidrFamily);
  return families !== undefined && families.length === new Set(families).size ? cidrs : undefined;
}

/** The texts of networks, or just `primary`. Kept as texts: `0.0.0.0/0` means something that `1.2.3.4/0` does not. */
export function parseNodePortAddresses(value: unknown): string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  if (value.length === 1 && value[0] === 'primary') return ['primary'];
  return parseList(value, (item) => (parseCidr(item) === undefined ? undefined : String(item)));
}

export function parseGates(value: unknown): Record<string, boolean> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const gates = Object.entries(value);
  return gates.every(([name, on]) => /^[A-Za-z][A-Za-z0-9]{0,99}$/.test(name) && typeof on === 'boolean')
    ? (Object.fromEntries(gates) as Record<string, boolean>)
    : undefined;
}

interface Type {
  readonly parse: (value: unknown) => unknown;
  /** Ends the sentence `77 is not …`. */
  readonly wanted: string;
  /** The empty text means unset, as it does for a text in Go. */
  readonly emptyIsUnset?: true;
}

const either = (names: readonly string[]) => `one of ${names.join(', ')}`;

export const types = {
  anything: { parse: (value: unknown) => value, wanted: 'anything', emptyIsUnset: true },
  boolean: { parse: parseBoolean, wanted: 'true or false' },
  text: { parse: parseText, wanted: 'a text', emptyIsUnset: true },
  'node-name': { parse: parseNodeName, wanted: "a node's name", emptyIsUnset: true },
  number: { parse: parseNumber, wanted: 'a number' },
  integer: { parse: parseInteger, wanted: 'a whole number' },
  count: { parse: parseCount, wanted: 'a whole number of at least 0' },
  bit: { parse: parseBit, wanted: 'a whole number from 0 to 31' },
  duration: { parse: parseDurationSeconds, wanted: 'a duration such as "30s" or "1h15m"' },
  mode: {
    parse: parseMode,
    get wanted() {
      return either(backendNames());
    },
    emptyIsUnset: true,
  },
  scheduler: { parse: parseScheduler, wanted: either(ipvsSchedulers), emptyIsUnset: true },
  'detect-local-mode': { parse: parseDetectLocalMode, wanted: either(detectLocalModes), emptyIsUnset: true },
  interface: {
    parse: (value: unknown): InterfaceName | undefined => parseInterfaceName(value),
    wanted: 'the name of a network interface (1 to 15 characters)',
    emptyIsUnset: true,
  },
  address: {
    parse: (value: unknown): IpAddress | undefined => parseAddress(value),
    wanted: 'an IPv4 or IPv6 address',
    emptyIsUnset: true,
  },
  cidrs: { parse: parseCidrs, wanted: 'a list of networks such as 10.1.0.0/16' },
  'cidr-pair': {
    parse: parseCidrPair,
    wanted: 'a network such as 10.1.0.0/16, or one of each family joined by a comma',
    emptyIsUnset: true,
  },
  'node-port-addresses': {
    parse: parseNodePortAddresses,
    wanted: 'a list of networks such as 192.168.0.0/16, or the list ["primary"]',
  },
  gates: { parse: parseGates, wanted: 'a mapping of feature names to true or false' },
} as const satisfies Readonly<Record<string, Type>>;

export type ValueType = keyof typeof types;

/** Whether a key is unset: null, or an empty text where Go would take that for absent. */
export function isUnset(type: ValueType, value: unknown): boolean {
  const { emptyIsUnset }: Type = types[type];
  return value === null || value === undefined || (value === '' && emptyIsUnset === true);
}

/** Go's zero value, which a complete configuration file holds for keys that were not chosen. */
export function isZeroValue(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).every(isZeroValue);
  return value === null || value === '' || value === 0 || value === false || parseDurationSeconds(value) === 0;
}
