import type { Family, IpAddress } from '../../../compiler/values/address.ts';
import type { ServicePortId } from '../../../compiler/values/names.ts';
import { unreachable } from '../../../compiler/values/unreachable.ts';
import type { Phase } from '../../phase.ts';
import type { Tools } from '../../netfilter/live/kernel.ts';
import type { SetName } from '../../netfilter/rule.ts';
import { type RestoreDocument, restoreText } from '../../netfilter/diff/transaction.ts';
import { document, parameterWords, realName, realWords, serverWords, setLines } from '../program/print.ts';
import type { Frontend, RealServer, VirtualServer } from '../program/servers.ts';
import type { IpSet, SetEntry } from '../program/sets.ts';

/**
 * One line for ipvsadm. `add-virtual` brings no real servers with it. A real server's edit only names its owner: with the
 * virtual server's other real servers in each, a saved plan would grow with the square of their number.
 */
export type ServerEdit = {
  /** The owner; undefined: a Service that is gone. For messages, and to leave the Service out. */
  readonly service: ServicePortId | undefined;
} & (
  | { readonly op: 'add-virtual' | 'delete-virtual'; readonly server: VirtualServer }
  | { readonly op: 'edit-virtual'; readonly from: VirtualServer; readonly to: VirtualServer }
  | { readonly op: 'add-real' | 'delete-real'; readonly of: Frontend; readonly real: RealServer }
  | { readonly op: 'edit-real'; readonly of: Frontend; readonly from: RealServer; readonly to: RealServer }
);

export interface EntryEdit {
  readonly set: SetName;
  readonly entry: SetEntry;
  /** In sets that forget: after how long. */
  readonly timeoutSeconds?: number;
}

/**
 * A step is one script for one tool, not one change: starting a process for every real server
 * would take minutes on a large node. Each can be undone by a step made from itself.
 */
export type IpvsStep = { readonly phase: Phase; readonly family: Family } & (
  | { readonly kind: 'sysctls'; readonly from: ReadonlyMap<string, string>; readonly to: ReadonlyMap<string, string> }
  /** link: as `ip` knows it, `kube-ipvs0`. */
  | { readonly kind: 'create-link' | 'delete-link'; readonly link: string }
  /** New sets, filled before anything refers to them: under their own names, or staged to be swapped in. */
  | { readonly kind: 'create-sets' | 'destroy-sets'; readonly sets: readonly IpSet[] }
  /** Set by set, what is in the first for what is in the second, in one instant. */
  | { readonly kind: 'swap-sets'; readonly pairs: readonly (readonly [SetName, SetName])[] }
  | { readonly kind: 'add-entries' | 'delete-entries'; readonly entries: readonly EntryEdit[] }
  | { readonly kind: 'servers'; readonly edits: readonly ServerEdit[] }
  /** Without `back`: one of several documents, which are not undone: what they prepared is out of reach. */
  | {
      readonly kind: 'chains';
      /** undefined: the programs of plain names. */
      readonly tools: Tools | undefined;
      readonly document: RestoreDocument;
      readonly back?: RestoreDocument;
    }
  | { readonly kind: 'bind' | 'unbind'; readonly link: string; readonly addresses: readonly IpAddress[] }
);

/** The line that makes an edit, as `ipvsadm --restore` takes it. */
export function serverEditLine(edit: ServerEdit): string {
  switch (edit.op) {
    case 'add-virtual':
      return `-A ${parameterWords(edit.server)}`;
    case 'delete-virtual':
      return `-D ${serverWords(edit.server)}`;
    case 'edit-virtual':
      return `-E ${parameterWords(edit.to)}`;
    case 'add-real':
      return `-a ${realWords(edit.of, edit.real)}`;
    case 'delete-real':
      return `-d ${realName(edit.of, edit.real)}`;
    case 'edit-real':
      return `-e ${realWords(edit.of, edit.to)}`;
    default:
      return unreachable(edit);
  }
}

/** The script of a step and the command that reads it from its standard input. */
export interface Script {
  readonly file: string;
  readonly args: readonly string[];
  readonly text: string;
}

/**
 * Entries are sent with `-exist`: a script that stopped before its end may be sent again. Address
 * scripts go on after a line that is refused, because an address may be there already.
 */
export function scriptOf(step: IpvsStep): Script {
  switch (step.kind) {
    case 'sysctls':
      return {
        file: 'sysctl',
        args: ['-p', '-'],
        text: document([...step.to].map(([name, value]) => `${name}=${value}`)),
      };
    case 'create-link':
      return { file: 'ip', args: ['-batch', '-'], text: `link add ${step.link} type dummy\n` };
    case 'delete-link':
      return { file: 'ip', args: ['-batch', '-'], text: `link delete ${step.link}\n` };
    case 'create-sets':
      return ipset(setLines(step.sets));
    case 'destroy-sets':
      return ipset(step.sets.map(({ name }) => `destroy ${name}`));
    case 'swap-sets':
      return ipset(step.pairs.map(([a, b]) => `swap ${a} ${b}`));
    case 'add-entries':
      return ipset(step.entries.map((edit) => `add ${entryWords(edit)}`));
    case 'delete-entries':
      return ipset(step.entries.map(({ set, entry }) => `del ${set} ${entry}`));
    case 'servers':
      return { file: 'ipvsadm', args: ['--restore'], text: document(step.edits.map(serverEditLine)) };
    case 'chains':
      return { file: restoreTool(step.family), args: ['--noflush', '--wait', '5'], text: restoreText(step.document) };
    case 'bind':
      return addressScript(step.addresses.map((address) => `address add ${address}/${bits(address)} dev ${step.link}`));
    case 'unbind':
      return addressScript(
        step.addresses.map((address) => `address delete ${address}/${bits(address)} dev ${step.link}`),
      );
    default:
      return unreachable(step);
  }
}

function ipset(lines: readonly string[]): Script {
  return { file: 'ipset', args: ['-exist', 'restore'], text: document(lines) };
}

function addressScript(lines: readonly string[]): Script {
  return { file: 'ip', args: ['-force', '-batch', '-'], text: document(lines) };
}

export function entryWords({ set, entry, timeoutSeconds }: EntryEdit): string {
  return timeoutSeconds === undefined ? `${set} ${entry}` : `${set} ${entry} timeout ${timeoutSeconds}`;
}

function bits(address: IpAddress): number {
  return address.includes(':') ? 128 : 32;
}

export function restoreTool(family: Family): string {
  return family === 'IPv4' ? 'iptables-restore' : 'ip6tables-restore';
}

/**
 * What reverses a step; undefined: harmless to leave. Reversing a plan means reversing its steps,
 * last one first. Connections of a real server that was deleted do not come back.
 */
export function undoStep(step: IpvsStep): IpvsStep | undefined {
  switch (step.kind) {
    case 'sysctls':
      return { ...step, from: step.to, to: step.from };
    case 'create-link':
      return { ...step, kind: 'delete-link' };
    case 'delete-link':
      return { ...step, kind: 'create-link' };
    case 'create-sets':
      return { ...step, kind: 'destroy-sets', sets: step.sets.toReversed() };
    case 'destroy-sets':
      return { ...step, kind: 'create-sets', sets: step.sets.toReversed() };
    case 'swap-sets':
      return { ...step, pairs: step.pairs.toReversed() };
    case 'add-entries':
      return { ...step, kind: 'delete-entries', entries: step.entries.toReversed() };
    case 'delete-entries':
      return { ...step, kind: 'add-entries', entries: step.entries.toReversed() };
    case 'servers':
      return { ...step, edits: step.edits.toReversed().map(undoEdit) };
    case 'chains':
      return step.back === undefined ? undefined : { ...step, document: step.back, back: step.document };
    case 'bind':
      return { ...step, kind: 'unbind', addresses: step.addresses.toReversed() };
    case 'unbind':
      return { ...step, kind: 'bind', addresses: step.addresses.toReversed() };
    default:
      return unreachable(step);
  }
}

function undoEdit(edit: ServerEdit): ServerEdit {
  switch (edit.op) {
    case 'add-virtual':
      return { ...edit, op: 'delete-virtual' };
    case 'delete-virtual':
      return { ...edit, op: 'add-virtual' };
    case 'add-real':
      return { ...edit, op: 'delete-real' };
    case 'delete-real':
      return { ...edit, op: 'add-real' };
    case 'edit-virtual':
    case 'edit-real':
      return { ...edit, from: edit.to, to: edit.from } as ServerEdit;
    default:
      return unreachable(edit);
  }
}

/** The command and its input, as a person could type them. */
export function printStep(step: IpvsStep): string {
  const { file, args, text } = scriptOf(step);
  const lines = text.trimEnd().split('\n');
  return [`${step.phase}: ${[file, ...args].join(' ')}`, ...lines.map((line) => `  ${line}`)].join('\n');
}
