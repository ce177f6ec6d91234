import type { CommandResult, Run } from '../../command.ts';
import { performRestore, type Tools } from '../../netfilter/live/kernel.ts';
import { commandFailure, IpvsError, type RefusedLine } from './errors.ts';
import { realKey } from '../program/ledger.ts';
import type { RealKey } from '../program/program.ts';
import { readLinkNamed, readServers } from './observe.ts';
import {
  type RealServer,
  sameParameters,
  sameReal,
  type ServerKey,
  serverKey,
  type VirtualServer,
} from '../program/servers.ts';
import { forgetSource } from './own-source.ts';
import { type IpvsStep, type Script, scriptOf, type ServerEdit, serverEditLine } from '../plan/steps.ts';

/**
 * Lines of one ipvsadm script. ipvsadm performs each line as it comes. If the writing process is killed, the last line is
 * cut short and performed too, and `10.96.0.1:8` is an address too. So this much text is
 * handed over at once or not at all.
 */
const editsAtOnce = 1000;

/**
 * How it is known that a step is in force.
 *
 *   acknowledged   the tool took every line
 *   checked        it complained, and a reading shows all the same what the step is for: something was not as expected
 */
export type Assurance = 'acknowledged' | 'checked';

/**
 * Runs a step's script and makes sure that all of it took effect.
 *
 * Exit codes are not enough. `ipvsadm --restore` goes on after a refused line and exits with the status of the last one;
 * an address script that goes on may fail although nothing is missing. But the tools complain about each refused line, so
 * silence and status 0 mean that all lines were taken. Otherwise servers and addresses are read back, and what is missing
 * shows which lines were refused.
 *
 * throws   IpvsError; KernelError for the tables
 */
export async function performStep(step: IpvsStep, run: Run): Promise<Assurance> {
  if (step.kind === 'chains') {
    await performRestore(run, step.tools ?? plainTools(step), step.document);
    return 'acknowledged';
  }
  if (step.kind === 'servers' && step.edits.length > editsAtOnce) {
    let all: Assurance = 'acknowledged';
    for (let i = 0; i < step.edits.length; i += editsAtOnce) {
      const one = await performStep({ ...step, edits: step.edits.slice(i, i + editsAtOnce) }, run);
      if (one === 'checked') all = one;
    }
    return all;
  }
  const script = scriptOf(step);
  const command = [script.file, ...script.args].join(' ');
  const result = await run(script.file, script.args, script.text);
  if (result.failure !== undefined) throw commandFailure(command, result);
  switch (step.kind) {
    case 'sysctls':
      if (result.exitCode !== 0) throw sysctlFailure(step.to, command, result);
      return 'acknowledged';
    case 'servers':
      if (result.exitCode === 0 && result.stderr === '') return 'acknowledged';
      await checkServers(step.edits, command, result, run);
      return 'checked';
    case 'bind':
    case 'unbind':
      if (result.exitCode !== 0) await checkAddresses(step, command, result, run);
      if (step.kind === 'unbind') await forgetSource(run, step.link, step.addresses);
      return result.exitCode === 0 ? 'acknowledged' : 'checked';
    case 'create-link':
      // Another program may have made it in the meantime.
      if (result.exitCode !== 0 && !/File exists/.test(result.stderr)) throw commandFailure(command, result);
      return 'acknowledged';
    default:
      if (result.exitCode !== 0) throw lineFailure(script, command, result);
      return 'acknowledged';
  }
}

/** A container that is not privileged may not write them: the message is for a user who may. */
function sysctlFailure(wanted: ReadonlyMap<string, string>, command: string, result: CommandResult): IpvsError {
  const { reason } = commandFailure(command, result);
  const words = [...wanted].map(([name, value]) => `${name}=${value}`).join(' ');
  const what = 'sysctls that virtual servers need could not be set';
  return new IpvsError(`${what}; as root on the node: sysctl -w ${words}`, { reason }, result.stderr);
}

/** Which programs there are is known from reading the tables; these are for a plan that was made without. */
function plainTools({ family }: IpvsStep): Tools {
  const iptables = family === 'IPv4' ? 'iptables' : 'ip6tables';
  return { family, mode: 'nft', save: `${iptables}-save`, restore: `${iptables}-restore`, iptables };
}

async function checkServers(
  edits: readonly ServerEdit[],
  command: string,
  result: CommandResult,
  run: Run,
): Promise<void> {
  const unavailable = /Can't initialize ipvs|Permission denied|Operation not permitted|must be root/i;
  if (unavailable.test(result.stderr)) throw commandFailure(command, result);
  const servers = await readServers(run);
  const reals = realsOf(edits, servers);
  const refused = edits.filter((edit) => !isInForce(edit, servers, reals));
  if (refused.length === 0) return;
  const lines = refused.map((edit): RefusedLine => ({ line: serverEditLine(edit), service: edit.service }));
  throw new IpvsError(`${command}: refused`, { reason: 'refused', lines }, result.stderr);
}

function isInForce(
  edit: ServerEdit,
  servers: ReadonlyMap<ServerKey, VirtualServer>,
  reals: ReadonlyMap<RealKey, RealServer>,
): boolean {
  switch (edit.op) {
    case 'add-virtual':
      return isSame(servers.get(serverKey(edit.server)), edit.server);
    case 'edit-virtual':
      return isSame(servers.get(serverKey(edit.to)), edit.to);
    case 'delete-virtual':
      return !servers.has(serverKey(edit.server));
    case 'add-real':
    case 'edit-real': {
      const wanted = 'real' in edit ? edit.real : edit.to;
      const real = reals.get(realKey(edit.of, wanted));
      return real !== undefined && sameReal(real, wanted);
    }
    case 'delete-real':
      return !reals.has(realKey(edit.of, edit.real));
  }
}

function isSame(found: VirtualServer | undefined, wanted: VirtualServer): boolean {
  return found !== undefined && sameParameters(found, wanted);
}

/** The real servers of the virtual servers that edits are about, found by one look at each: a Service may have thousands. */
function realsOf(
  edits: readonly ServerEdit[],
  servers: ReadonlyMap<ServerKey, VirtualServer>,
): ReadonlyMap<RealKey, RealServer> {
  const asked = new Set(edits.flatMap((edit) => ('of' in edit ? [serverKey(edit.of)] : [])));
  const found = new Map<RealKey, RealServer>();
  for (const key of asked) {
    const server = servers.get(key);
    for (const real of server?.reals ?? []) if (server !== undefined) found.set(realKey(server, real), real);
  }
  return found;
}

/** An address that is there already, or gone already, was refused and is as it should be. */
async function checkAddresses(
  step: Extract<IpvsStep, { kind: 'bind' | 'unbind' }>,
  command: string,
  result: CommandResult,
  run: Run,
): Promise<void> {
  const { addresses } = await readLinkNamed(run, step.link, step.family);
  const missing = step.addresses.filter((address) => addresses.includes(address) !== (step.kind === 'bind'));
  if (missing.length === 0) return;
  const lines = missing.map((address) => ({ line: `${step.kind} ${address} on ${step.link}`, service: undefined }));
  throw new IpvsError(`${command}: refused`, { reason: 'refused', lines }, result.stderr);
}

/** ipset stops at the line that it names; the lines before it are in force. */
function lineFailure(script: Script, command: string, result: CommandResult): IpvsError {
  const number = /Error in line (\d+)/.exec(result.stderr)?.[1];
  const line = number === undefined ? undefined : script.text.split('\n')[Number(number) - 1];
  const failure = commandFailure(command, result);
  if (line === undefined) return failure;
  const reason = failure.reason === 'failed' ? 'refused' : failure.reason;
  return new IpvsError(
    `${command}: refused at line ${number}`,
    { reason, lines: [{ line, service: undefined }] },
    result.stderr,
  );
}
