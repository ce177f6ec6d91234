import { compareAddresses, type IpAddress } from '../../../compiler/values/address.ts';
import { compareText } from '../../../compiler/values/names.ts';
import { unreachable } from '../../../compiler/values/unreachable.ts';
import { outcomeOf as rulesAfter } from '../../netfilter/diff/outcome.ts';
import type { Ruleset, SetName } from '../../netfilter/rule.ts';
import { foundAfter } from '../program/applied.ts';
import type { IpvsProgram } from '../program/program.ts';
import { ourSetNames } from '../program/reading.ts';
import { compareEndpoints, compareServers, type ServerKey, serverKey, type VirtualServer } from '../program/servers.ts';
import type { IpSet } from '../program/sets.ts';
import type { IpvsStep, ServerEdit } from './steps.ts';

/**
 * What is there once steps have been performed, as a reading would show it but for connections and what they wait for.
 *
 * returns   undefined: a tool refuses one of them, because it asks for what is not there, or makes what is
 */
export function outcomeOf(before: IpvsProgram, steps: readonly IpvsStep[]): IpvsProgram | undefined {
  const draft = createDraft(before);
  return steps.every((step) => draft.perform(step)) ? draft.program() : undefined;
}

function createDraft(before: IpvsProgram) {
  const found = before.found ?? foundAfter(before);
  const servers = new Map<ServerKey, VirtualServer>(before.servers);
  const all = [...before.sets.values(), ...found.ledger.values(), ...found.staged];
  const sets = new Map<SetName, IpSet>(all.map((set) => [set.name, set]));
  const addresses = new Set<IpAddress>(before.addresses);
  const sysctls = new Map(before.sysctls);
  let rules: Ruleset | undefined = before.rules;
  let { link } = found;

  const put = (set: IpSet): boolean => {
    sets.set(set.name, set);
    return true;
  };

  function swap([a, b]: readonly [SetName, SetName]): boolean {
    const [first, second] = [sets.get(a), sets.get(b)];
    if (first === undefined || second === undefined) return false;
    return put({ ...second, name: a }) && put({ ...first, name: b });
  }

  function changeEntries(step: Extract<IpvsStep, { kind: 'add-entries' | 'delete-entries' }>): boolean {
    const changed = new Map<SetName, Set<IpSet['entries'][number]>>();
    for (const { set: name, entry } of step.entries) {
      const set = sets.get(name);
      if (set === undefined) return false;
      const entries = changed.get(name) ?? new Set(set.entries);
      changed.set(name, entries);
      if (step.kind === 'add-entries') entries.add(entry);
      else entries.delete(entry);
    }
    return [...changed].every(([name, entries]) => {
      const set = sets.get(name);
      return set !== undefined && put({ ...set, entries: [...entries].sort(compareText) });
    });
  }

  function changeServer(edit: ServerEdit): boolean {
    if ('server' in edit) {
      const key = serverKey(edit.server);
      if (edit.op === 'delete-virtual') return servers.delete(key);
      if (servers.has(key) || found.foreign.has(key)) return false;
      servers.set(key, { ...edit.server, reals: [] });
      return true;
    }
    const key = serverKey(edit.op === 'edit-virtual' ? edit.to : edit.of);
    const server = servers.get(key);
    if (server === undefined) return false;
    if (edit.op === 'edit-virtual') {
      servers.set(key, { ...edit.to, reals: server.reals });
      return true;
    }
    const real = edit.op === 'edit-real' ? edit.to : edit.real;
    const others = server.reals.filter((one) => compareEndpoints(one, real) !== 0);
    const isThere = others.length < server.reals.length;
    servers.set(key, { ...server, reals: edit.op === 'delete-real' ? others : [...others, real] });
    return isThere !== (edit.op === 'add-real');
  }

  return {
    perform(step: IpvsStep): boolean {
      switch (step.kind) {
        case 'sysctls':
          for (const [name, value] of step.to) sysctls.set(name, value);
          return true;
        case 'create-link':
        case 'delete-link': {
          const isAbsent = link === 'absent';
          link = step.kind === 'create-link' ? 'ours' : 'absent';
          return isAbsent === (step.kind === 'create-link');
        }
        case 'create-sets':
          return step.sets.every((set) => !sets.has(set.name) && put(set));
        case 'destroy-sets':
          return step.sets.every(({ name }) => sets.delete(name));
        case 'swap-sets':
          return step.pairs.every(swap);
        case 'add-entries':
        case 'delete-entries':
          return changeEntries(step);
        case 'servers':
          return step.edits.every(changeServer);
        case 'chains':
          rules = rules && rulesAfter(rules, step.document);
          return rules !== undefined;
        case 'bind':
          for (const address of step.addresses) addresses.add(address);
          return true;
        case 'unbind':
          return step.addresses.every((address) => addresses.delete(address));
        default:
          return unreachable(step);
      }
    },
    program(): IpvsProgram {
      const names = ourSetNames(before.family, before.prefix);
      const sorted = [...sets.values()].sort((a, b) => compareText(a.name, b.name));
      const among = (wanted: ReadonlySet<SetName>) => sorted.filter(({ name }) => wanted.has(name));
      const byName = (some: readonly IpSet[]) => new Map(some.map((set) => [set.name, set]));
      const listed = [...servers].map(([key, server]): [ServerKey, VirtualServer] => [
        key,
        { ...server, reals: [...server.reals].sort(compareEndpoints) },
      ]);
      return {
        ...before,
        servers: new Map(listed.sort(([, a], [, b]) => compareServers(a, b))),
        sets: byName(among(names.live)),
        addresses: [...addresses].sort(compareAddresses),
        sysctls,
        rules: rules ?? before.rules,
        found: { ...found, ledger: byName(among(names.ledger)), staged: among(names.staged), link },
      };
    },
  };
}
