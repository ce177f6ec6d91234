import { type PortName, parsePortName } from '../values/names.ts';
import { type Port, parsePort, parseProtocol, type Protocol } from '../values/port.ts';
import { asFields, isAbsent, type Report, show, type TextMap } from './fields.ts';

/** A port as a Service offers it: the number that clients dial, not the pods' number. */
export interface PublishedPort {
  readonly name: PortName;
  readonly protocol: Protocol;
  readonly port: Port;
}

/** Cilium's users know the second name, which means the same. */
const weightAnnotations = ['slicewright.dev/weight', 'service.cilium.io/weight'] as const;
const maxSliceWeight = 65_535;

/** 1 where there is no readable weight. */
export function parseSliceWeight(annotations: TextMap, report: Report): number {
  for (const name of weightAnnotations) {
    const text = annotations.get(name);
    if (text === undefined) continue;
    if (/^\d{1,5}$/.test(text) && Number(text) <= maxSliceWeight) return Number(text);
    const message = `${show(text)} is not a whole number from 0 to ${maxSliceWeight}; its endpoints have weight 1`;
    report('warning', 'slice-bad-weight', `metadata.annotations["${name}"]`, message);
    return 1;
  }
  return 1;
}

const portsAnnotation = 'slicewright.dev/service-ports';
const maxPublishedPorts = 1000;

/**
 * `[{"name":"http","protocol":"TCP","port":80}]`: the source Service's ports, as the controller that dispatched the
 * slice wrote them. undefined where they are missing or unreadable: part of a list would be worse than no list.
 */
export function parseSlicePorts(annotations: TextMap, report: Report): readonly PublishedPort[] | undefined {
  const text = annotations.get(portsAnnotation);
  if (text === undefined) return undefined;
  const values = parseJsonList(text);
  const ports = values?.map(parsePublishedPort);
  if (ports?.every((port) => port !== undefined)) return ports;
  const message = `${show(text)} is not a list of {"name", "protocol", "port"}; the Service's ports are treated as unknown`;
  report('warning', 'slice-bad-service-ports', `metadata.annotations["${portsAnnotation}"]`, message);
  return undefined;
}

function parseJsonList(text: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.length <= maxPublishedPorts ? value : undefined;
  } catch {
    return undefined;
  }
}

function parsePublishedPort(value: unknown): PublishedPort | undefined {
  const fields = asFields(value);
  if (fields === undefined) return undefined;
  const name = parsePortName(isAbsent(fields.name) ? '' : fields.name);
  const protocol = parseProtocol(isAbsent(fields.protocol) ? 'TCP' : fields.protocol);
  const port = parsePort(fields.port);
  return name === undefined || protocol === undefined || port === undefined ? undefined : { name, protocol, port };
}
