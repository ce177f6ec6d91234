import type { ServicePortId } from '../../../compiler/values/names.ts';
import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';
import type { CommandResult } from '../../command.ts';
import { BackendError } from '../../errors.ts';

/**
 * Why a command for servers, sets or addresses failed.
 *
 * unavailable    this kernel has no IPVS, ipsets or dummy links
 * refused        the kernel refuses some lines; `lines` names them
 * full           a set has no room for another entry
 * conflict       something else has a name of slicewright's, and is not what slicewright makes under that name
 * missing-tool   the program is not installed
 * no-privilege   slicewright lacks the permission
 * not-started    the machine or this process had no room for another process
 * interrupted    killed, or it took too long
 * failed         anything else
 */
export type IpvsErrorReason =
  | 'unavailable'
  | 'refused'
  | 'full'
  | 'conflict'
  | 'missing-tool'
  | 'no-privilege'
  | 'not-started'
  | 'interrupted'
  | 'failed';

/** A line of a script that did not come into force. */
export interface RefusedLine {
  readonly line: string;
  /** undefined: of no Service, or of one that is gone. */
  readonly service: ServicePortId | undefined;
}

export interface IpvsErrorFacts {
  readonly reason: IpvsErrorReason;
  readonly lines?: readonly RefusedLine[];
}

export class IpvsError extends BackendError {
  readonly reason: IpvsErrorReason;
  /** The lines that are not in force; empty when it is not one line's fault. */
  readonly lines: readonly RefusedLine[];
  readonly stderr: string;

  constructor(message: string, { reason, lines = [] }: IpvsErrorFacts, stderr = '') {
    const shown = lines.slice(0, 3).map(({ line, service }) => (service === undefined ? line : `${line} (${service})`));
    const more = lines.length > 3 ? ` and ${lines.length - 3} more` : '';
    const which = shown.length === 0 ? '' : `: ${shown.join('; ')}${more}`;
    super(`${message}${which}${stderr === '' ? '' : `; ${firstLines(stderr)}`}`);
    this.name = 'IpvsError';
    this.reason = reason;
    this.lines = lines;
    this.stderr = stderr;
  }

  override diagnostic(): Diagnostic {
    const object = { kind: 'machine', name: 'IPVS' };
    return { severity: 'error', code: `ipvs-${this.reason}`, object, message: this.message };
  }
}

function firstLines(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('Try `'));
  return lines.slice(0, 4).join(' / ').slice(0, 600);
}

/**
 * A command that failed as a whole.
 *
 * command   as it was called, for the message
 */
export function commandFailure(command: string, result: CommandResult): IpvsError {
  const { stderr } = result;
  switch (result.failure) {
    case 'not-found':
      return new IpvsError(`${command}: not installed`, { reason: 'missing-tool' });
    case 'no-permission':
      return new IpvsError(`${command}: not permitted`, { reason: 'no-privilege' }, stderr);
    case 'not-started':
      return new IpvsError(`${command}: could not be started`, { reason: 'not-started' }, stderr);
    case 'timeout':
    case 'killed':
      return new IpvsError(`${command}: interrupted`, { reason: 'interrupted' }, stderr);
    case 'output-too-long':
    case undefined:
      break;
  }
  if (/Permission denied|Operation not permitted|must be root/i.test(stderr)) {
    return new IpvsError(`${command}: not permitted (root is needed)`, { reason: 'no-privilege' }, stderr);
  }
  if (/Can't initialize ipvs|Unknown device type/.test(stderr)) {
    return new IpvsError(`${command}: ${unavailableText}`, { reason: 'unavailable' }, stderr);
  }
  if (/Hash is full/.test(stderr)) return new IpvsError(`${command}: a set is full`, { reason: 'full' }, stderr);
  return new IpvsError(`${command}: failed`, { reason: 'failed' }, stderr);
}

export const unavailableText =
  'this kernel has no IPVS; load the modules ip_vs, ip_vs_rr (or that of the scheduler in use), nf_conntrack, ip_set, xt_set and dummy';
