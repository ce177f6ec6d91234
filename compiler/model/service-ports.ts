import { type PortName, parsePortName } from '../values/names.ts';
import { type Port, parsePort, parseProtocol, type Protocol } from '../values/port.ts';
import { type Fields, fieldsOf, isAbsent, listOf, type Report, show } from './fields.ts';

export interface ServicePort {
  readonly name: PortName;
  readonly protocol: Protocol;
  readonly port: Port;
  readonly nodePort: Port | undefined;
}

/** A Service's ports, unique by name and protocol. */
export function parsePorts(spec: Fields, report: Report): ServicePort[] {
  const ports = new Map<string, ServicePort>();
  for (const [i, value] of listOf(spec, 'ports', 'spec.ports', report).entries()) {
    const path = `spec.ports[${i}]`;
    const port = parseServicePort(fieldsOf({ value }, 'value', path, report), path, report);
    if (port === undefined) continue;
    const key = `${port.name}/${port.protocol}`;
    if (ports.has(key)) {
      report(
        'warning',
        'service-duplicate-port',
        path,
        `repeats port "${port.name}" ${port.protocol}; the later one is used`,
      );
    }
    ports.set(key, port);
  }
  return [...ports.values()];
}

function parseServicePort(fields: Fields, path: string, report: Report): ServicePort | undefined {
  const rest = 'the port is skipped, the Service keeps its other ports';
  const name = parsePortName(isAbsent(fields.name) ? '' : fields.name);
  if (name === undefined) {
    report('warning', 'service-bad-port-name', `${path}.name`, `${show(fields.name)} is not a port name; ${rest}`);
    return undefined;
  }
  const protocol = parseProtocol(isAbsent(fields.protocol) ? 'TCP' : fields.protocol);
  if (protocol === undefined) {
    report(
      'warning',
      'service-bad-protocol',
      `${path}.protocol`,
      `${show(fields.protocol)} is not TCP, UDP or SCTP; ${rest}`,
    );
    return undefined;
  }
  const port = parsePort(fields.port);
  if (port === undefined) {
    report('warning', 'service-bad-port', `${path}.port`, `${show(fields.port)} is outside 1–65535; ${rest}`);
    return undefined;
  }
  return {
    name,
    protocol,
    port,
    nodePort: optionalPort(fields.nodePort, `${path}.nodePort`, 'there is no node port', report),
  };
}

/** 0 and absent mean none. */
export function optionalPort(value: unknown, field: string, consequence: string, report: Report): Port | undefined {
  if (isAbsent(value) || value === 0) return undefined;
  const port = parsePort(value);
  if (port === undefined) {
    report('warning', 'service-bad-port', field, `${show(value)} is outside 1–65535; ${consequence}`);
  }
  return port;
}
