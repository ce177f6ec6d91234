import { unfitForEndpoint } from '../../compiler/model/special-address.ts';
import { ipvsSchedulers } from '../../compiler/settings.ts';
import { type Family, familyOf, parseAddress, parseCidr } from '../../compiler/values/address.ts';
import { parsePort } from '../../compiler/values/port.ts';
import { strangeOutcome } from '../netfilter/diff/saved-steps.ts';
import type { OwnChains } from '../netfilter/own-chains.ts';
import { withMark } from '../netfilter/ownership.ts';
import { vocabularyOf } from '../netfilter/vocabulary.ts';
import { exemplars } from '../planning/exemplars.ts';
import { rememberedByFamily } from '../planning/remembered.ts';
import type { Target } from '../target.ts';
import { stagedName } from './plan/set-plan.ts';
import { entryWords, type IpvsStep, serverEditLine, type ServerEdit } from './plan/steps.ts';
import { drainingSet, frontendsSet } from './program/ledger.ts';
import { linkProgram } from './program/link.ts';
import { lowerServicePort } from './program/lower.ts';
import type { IpvsProgram } from './program/program.ts';
import { flagsFor, type RealServer, type VirtualServer } from './program/servers.ts';
import { type IpSet, makeSet, setIds, setName } from './program/sets.ts';

/**
 * What steps put into force, or leave there, and no program of this backend has: rules, virtual servers, entries that hold
 * more than one address or port, bound addresses of no Service, other settings of the kernel.
 */
export function strangeSteps(
  observed: IpvsProgram,
  steps: readonly IpvsStep[],
  outcome: IpvsProgram,
  own: OwnChains,
): string[] {
  const documents = steps.flatMap((step) => (step.kind === 'chains' ? [step.document] : []));
  const { rules, settings } = knownOf(observed.family, own);
  const strangeIn = createJudge(observed, settings, outcome);
  return [...strangeOutcome(observed.rules, documents, outcome.rules, rules), ...steps.flatMap(strangeIn)];
}

/** The parts that programs of this backend can have in a family. */
const knownOf = rememberedByFamily((family: Family, own: OwnChains) => {
  const programs = exemplars(family, own.prefix).map(programOf);
  const rulesets = programs.map(({ rules, everyRule }) => everyRule ?? rules);
  return {
    rules: vocabularyOf(rulesets, withMark(own)),
    settings: new Set(programs.flatMap(({ sysctls }) => [...sysctls].map(([name, value]) => `${name}=${value}`))),
  };
});

function programOf({ services, node }: Target): IpvsProgram {
  return linkProgram(new Map(services.map((ir) => [ir.id, lowerServicePort(ir, node).unit])), node);
}

/** What a step has that no program has. */
function createJudge({ family, prefix }: IpvsProgram, settings: ReadonlySet<string>, outcome: IpvsProgram) {
  const kinds = new Map(
    [
      ...setIds.map((id) => makeSet(id, family, [], prefix)),
      frontendsSet(family, [], prefix),
      drainingSet(family, prefix),
    ].flatMap((set) => [
      [set.name, set],
      [stagedName(set.name), set],
    ]),
  );
  const serviceAddresses: ReadonlySet<string> = new Set(outcome.sets.get(setName('ipvsIps', family, prefix))?.entries);

  const strangeEntry = (set: IpSet['name'], entry: string): boolean =>
    !isEntryOf(kinds.get(set)?.definition.split(' ', 1)[0], family, entry);
  const strangeSet = (set: IpSet): string[] => {
    const isKind = withoutSize(kinds.get(set.name)) === withoutSize(set);
    const entries = set.entries.filter((entry) => strangeEntry(set.name, entry));
    return [
      ...(isKind ? [] : [`create ${set.name} ${set.definition}`]),
      ...entries.map((entry) => `add ${set.name} ${entry}`),
    ];
  };

  return (step: IpvsStep): string[] => {
    switch (step.kind) {
      case 'sysctls':
        return [...step.to].map(([name, value]) => `${name}=${value}`).filter((text) => !settings.has(text));
      case 'create-sets':
        return step.sets.flatMap(strangeSet);
      case 'add-entries':
        return step.entries
          .filter(({ set, entry }) => strangeEntry(set, entry))
          .map((edit) => `add ${entryWords(edit)}`);
      case 'servers':
        return step.edits.filter(isStrangeEdit).map(serverEditLine);
      case 'bind':
        return step.addresses.filter((address) => !serviceAddresses.has(address)).map((address) => `bind ${address}`);
      default:
        return [];
    }
  };
}

/** A set is as large as it has to be. */
function withoutSize(set: IpSet | undefined): string | undefined {
  return set?.definition.replace(/ maxelem \d+/, '');
}

/** One address and port, never a range of them. */
function isEntryOf(type: string | undefined, family: Family, entry: string): boolean {
  const parts = entry.split(',');
  const isAddress = (text: string | undefined): boolean => {
    const address = parseAddress(text);
    return address !== undefined && familyOf(address) === family;
  };
  const isPlace = () => isAddress(parts[0]) && /^(tcp|udp|sctp):\d+$/.test(parts[1] ?? '') && isPort(parts[1]);
  switch (type) {
    case 'bitmap:port':
      return parts.length === 1 && /^\d+$/.test(entry) && isPort(`:${entry}`);
    case 'hash:ip':
      return parts.length === 1 && isAddress(entry);
    case 'hash:ip,port':
      return parts.length === 2 && isPlace();
    case 'hash:ip,port,ip':
      return parts.length === 3 && isPlace() && isAddress(parts[2]);
    case 'hash:ip,port,net':
      return parts.length === 3 && isPlace() && (isAddress(parts[2]) || parseCidr(parts[2]) === parts[2]);
    default:
      return false;
  }
}

function isPort(text: string | undefined): boolean {
  return parsePort(Number(text?.slice(text.indexOf(':') + 1))) !== undefined;
}

/** A removal brings nothing into force, so it is never strange. */
function isStrangeEdit(edit: ServerEdit): boolean {
  switch (edit.op) {
    case 'add-virtual':
      return isStrangeServer(edit.server);
    case 'edit-virtual':
      return isStrangeServer(edit.to);
    case 'add-real':
      return isStrangeReal(edit.real);
    case 'edit-real':
      return isStrangeReal(edit.to);
    default:
      return false;
  }
}

function isStrangeServer({ scheduler, flags, other }: VirtualServer): boolean {
  const isScheduler = (ipvsSchedulers as readonly string[]).includes(scheduler);
  return !isScheduler || flags.join() !== flagsFor(scheduler).join() || other !== '';
}

/** One that leaves keeps the way in which it was reached. */
function isStrangeReal({ address, forwarding, weight, other }: RealServer): boolean {
  if (weight === 0) return false;
  return forwarding !== 'masquerade' || other !== '' || unfitForEndpoint(address) !== undefined;
}
