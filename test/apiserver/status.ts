import { qualified, type Resource } from './resources.ts';

/** An answer other than an object: the API server calls it a Status. */
export class StatusError extends Error {
  readonly body: Readonly<Record<string, unknown>> & { readonly code: number };
  constructor(code: number, reason: string, message: string, more: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.body = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, ...more, code };
  }
}

function detailsOf({ group }: Resource, name: string, kind: string) {
  return { name, ...(group === '' ? {} : { group }), kind };
}

export const status = {
  unauthorized: () => new StatusError(401, 'Unauthorized', 'Unauthorized'),
  forbidden: (user: string, verb: string, resource: Resource) =>
    new StatusError(
      403,
      'Forbidden',
      `${qualified(resource)} is forbidden: User "${user}" cannot ${verb} resource "${resource.plural}" in API group "${resource.group}" at the cluster scope`,
      { details: { ...(resource.group === '' ? {} : { group: resource.group }), kind: resource.plural } },
    ),
  notFound: (resource: Resource, name: string) =>
    new StatusError(404, 'NotFound', `${qualified(resource)} "${name}" not found`, {
      details: detailsOf(resource, name, resource.plural),
    }),
  exists: (resource: Resource, name: string) =>
    new StatusError(409, 'AlreadyExists', `${qualified(resource)} "${name}" already exists`, {
      details: detailsOf(resource, name, resource.plural),
    }),
  conflict: (resource: Resource, name: string) =>
    new StatusError(
      409,
      'Conflict',
      `Operation cannot be fulfilled on ${qualified(resource)} "${name}": the object has been modified; please apply your changes to the latest version and try again`,
      { details: detailsOf(resource, name, resource.plural) },
    ),
  invalid: (resource: Resource, name: string, field: string, problem: string, reason = 'FieldValueInvalid') => {
    const kind = resource.group === '' ? resource.kind : `${resource.kind}.${resource.group}`;
    return new StatusError(422, 'Invalid', `${kind} "${name}" is invalid: ${field}: ${problem}`, {
      details: { ...detailsOf(resource, name, resource.kind), causes: [{ reason, message: problem, field }] },
    });
  },
  unsupported: (type: string) =>
    new StatusError(415, 'UnsupportedMediaType', `the body of the request was in an unknown format - ${type}`),
  badRequest: (message: string) => new StatusError(400, 'BadRequest', message),
  expired: (message: string, more: Readonly<Record<string, unknown>> = {}) =>
    new StatusError(410, 'Expired', message, more),
  tooLarge: (asked: number, current: number) =>
    new StatusError(504, 'Timeout', `Timeout: Too large resource version: ${asked}, current: ${current}`, {
      details: {
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
        retryAfterSeconds: 1,
      },
    }),
};
