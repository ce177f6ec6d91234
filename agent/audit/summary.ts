import { counted } from '../../compiler/values/counted.ts';
import { causeOf } from './cause.ts';
import { type AuditedService, type Status, statuses } from './family.ts';

/** Services with the same status for the same causes. */
export interface Group {
  readonly status: Status;
  readonly causes: readonly string[];
  readonly services: readonly AuditedService[];
}

/** Those that need a look first. */
export function groupsOf(services: readonly AuditedService[]): readonly Group[] {
  const groups = new Map<string, { status: Status; causes: readonly string[]; services: AuditedService[] }>();
  for (const service of services) {
    const { status, findings } = service;
    const causes = [...new Set(findings.filter(({ judgement }) => judgement.kind === status).map(causeOf))].sort();
    const key = `${status} ${causes.join('; ')}`;
    const group = groups.get(key) ?? { status, causes, services: [] };
    groups.set(key, group);
    group.services.push(service);
  }
  const rank = ({ status }: Group) => statuses.indexOf(status);
  return [...groups.values()].sort((a, b) => rank(b) - rank(a) || b.services.length - a.services.length);
}

/** As a reader sees it. */
export const statusText: Readonly<Record<Status, string>> = {
  ok: 'ok',
  known: 'known difference',
  unknown: 'unknown',
  wrong: 'wrong',
};

/** `12 Services: 9 ok, 1 known difference, 2 wrong`. */
export function countsText(services: readonly AuditedService[]): string {
  const counts = statuses.flatMap((status) => {
    const count = services.filter((one) => one.status === status).length;
    return count === 0 ? [] : [`${count} ${statusText[status]}`];
  });
  return `${counted(services.length, 'Service')}${counts.length === 0 ? '' : `: ${counts.join(', ')}`}`;
}
