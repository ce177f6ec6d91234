import type { NodeContext } from '../compiler/ir/node-context.ts';
import type { Packet, Trace } from '../compiler/semantics/packet.ts';
import type { Mismatch } from '../compiler/semantics/verify.ts';
import type { ChainPrefix, Settings } from '../compiler/settings.ts';
import type { Family } from '../compiler/values/address.ts';
import type { Diagnostic } from '../compiler/values/diagnostic.ts';
import type { ServicePortId } from '../compiler/values/names.ts';
import type { Run } from './command.ts';
import type { ModeKnowledge, Reading } from './equivalence/known-difference.ts';
import type { Look } from './equivalence/look.ts';
import type { EndpointAddress, NamedPort } from './maker.ts';
import type { Preparation } from './host/preparation.ts';
import type { Danger } from './planning/dangers.ts';
import type { PartDiff } from './planning/differences.ts';
import type { Served } from './planning/served.ts';
import type { Side } from './planning/side.ts';
import type { FrontendChange } from './planning/traffic.ts';
import type { DelayTimes } from './plane/delays.ts';
import type { FamilyPlane } from './plane/plane.ts';
import type { Scope, Target } from './target.ts';
import type { TrafficMeter } from './traffic.ts';

/*
 * The contract of a backend: one way to make a kernel do what the IR asks for.
 *
 * Everything above `backends/` uses backends through these types and knows none by name. A backend's own types, its
 * program and its steps, stay inside: each value here closes over them. So a caller cannot hand one backend's program to
 * another, and a new backend needs no line in a caller.
 *
 * It has two halves. The first is pure and cheap to load: programs from Service ports, as text and files. The second,
 * `live`, talks to a kernel or reads what was saved of one; it is loaded when a command needs it.
 *
 * One family at a time: dual stack is two programs, as it is two kernels.
 */

export interface Backend {
  readonly name: string;
  /** The program of one family. Making it of the same values again costs nothing. */
  make(target: Target): Made;
  /**
   * Names in its programs that are made from a Service port's name and cannot be taken apart again: hashes, and names without
   * the characters that tools do not take. The port and the endpoints may be ones that the program no longer has.
   *
   * returns   equally many in the same order for any port, with equally many endpoints
   */
  hiddenNames(port: NamedPort, endpoints: readonly EndpointAddress[]): readonly string[];
  /** What its programs mean. */
  witness(): Promise<Witness>;
  live(): Promise<LiveBackend>;
}

/** A program as text: what can be shown and written without knowing its type. */
export interface Made {
  readonly diagnostics: readonly Diagnostic[];
  /** One readable document. */
  text(): string;
  /** The rules of one Service port in the program, for people; empty: it has none, or there is no such port. */
  rulesOf(id: ServicePortId): string;
  /** File name → contents, loadable by the tools. */
  files(): ReadonlyMap<string, string>;
}

export interface Witness {
  /** What the program of these Service ports does with a packet, by which rules. */
  trace(target: Target, packet: Packet): Trace;
  /** The probes that the program treats differently than it should; empty, unless slicewright has a defect. */
  verify(target: Target): readonly Mismatch[];
  /** The program as packets meet it, to be compared with what is found somewhere. */
  look(target: Target): Look;
  /** Differences that have a name: a kube-proxy's in this mode from slicewright, and this mode's from the reference. */
  readonly knowledge: ModeKnowledge;
}

/** A counter, in Prometheus' words. */
export interface CounterName {
  readonly name: string;
  readonly help: string;
}

/** What rules count for metrics, where the setting for it is made (`Settings.packetCounters`). */
export interface PacketCounters {
  readonly names: readonly CounterName[];
  /**
   * Reads the kernel and changes nothing.
   *
   * returns   packets by the name of the counter; what cannot be read is not in it
   */
  read(run: Run, prefix: ChainPrefix): Promise<ReadonlyMap<string, number>>;
}

/** The settings that this machine supports. */
export interface PossibleSettings {
  readonly settings: Settings;
  /** What was left out of them, as warnings. */
  readonly problems: readonly Diagnostic[];
}

/** What a backend does with a kernel, or with what was saved of one. Functions that take a `Run` throw BackendError. */
export interface LiveBackend {
  /**
   * kube-proxy's own counters of syncs and of failed removals in this mode; undefined: this mode has none, and those of
   * iptables mode are used.
   */
  readonly failureCounters?: { readonly syncs: CounterName; readonly removals: CounterName };
  /** What its rules can count for metrics; absent: nothing. */
  readonly packetCounters?: PacketCounters;
  /**
   * The settings without those that this machine cannot do and that no Service needs. Asked once, before anything is compiled
   * for this machine's kernel, so that all commands and the agent want the same program. Changes nothing.
   *
   * absent   there are none in this mode
   */
  possible?(run: Run, settings: Settings): Promise<PossibleSettings>;
  /** Whether this machine can do what is wanted. Changes nothing that stays. */
  check(run: Run, settings: Settings): Promise<void>;
  /** Settings that are made once before the first rule. A setting that cannot be made is reported and decides nothing. */
  prepare(run: Run, settings: Settings): Promise<readonly Preparation[]>;
  /** Kernel modules that it asks for by name. */
  modules(settings: Settings): readonly string[];
  /** `--init-only`: everything that needs more privilege than the agent has. */
  initialise(run: Run, settings: Settings): Promise<readonly Preparation[]>;
  /**
   * What a family's kernel holds now.
   *
   * isNeeded   false: a machine without this family, or with nothing to remove (slicewright's, and at a take-over another
   *            program's), is no failure
   * returns    undefined: nothing is there, and nothing is needed
   */
  observe(run: Run, scope: Scope, isNeeded: boolean): Promise<Kernel | undefined>;
  /**
   * What the kernel counts of the traffic to each endpoint. It makes no difference which program wrote the rules.
   *
   * isNeeded   false: a machine without this family, or where this backend has nothing, is no failure
   * returns    undefined: there is nothing to count with, and nothing is needed
   */
  meter(run: Run, scope: Scope, isNeeded: boolean): Promise<TrafficMeter | undefined>;
  /**
   * What the tools print of a family's kernel now, to be kept and read again by `readDump`: what `observe` reads, as text.
   *
   * isNeeded   false: a machine without this family is no failure
   * returns    file name → text, named as `compile --out` names them; undefined: the machine has none of it
   */
  record(run: Run, scope: Scope, isNeeded: boolean): Promise<ReadonlyMap<string, string> | undefined>;
  /** A kernel with nothing in it. source: what to call it. */
  nothing(scope: Scope, source: string): Observed;
  /** What the tools showed of a node. Nothing is concluded from a part. */
  readDump(source: DumpSource, prefix: ChainPrefix): DumpReading;
  /**
   * One family of a saved plan, checked: a file is no more trusted than any other input. A plan is refused if its steps lead
   * to another state than it names, or to anything that no program of this backend has.
   */
  loadPlan(parsed: unknown, prefix: ChainPrefix): Promise<LoadedPlan>;
  /** The agent's view of one family: remembers what was applied, and applies differences. */
  createPlane(options: PlaneOptions): FamilyPlane;
  /**
   * What this backend has left on a node where another backend is to be in force; undefined: nothing.
   *
   * successor   the backend that is to be in force
   */
  remains(run: Run, scope: Scope, successor: Successor): Promise<Remains | undefined>;
  /**
   * Reads what `clean` starts from, and changes nothing: if one family or backend cannot be read, that must show
   * before anything of another is removed. Throws BackendError.
   */
  checkCleanable(run: Run, scope: Scope): Promise<void>;
  /**
   * What it changes on a node where another backend is about to come into force, so that no connection that begins under
   * the other one depends on what goes; absent: nothing. Services are served as before, also if the other one never comes.
   *
   * returns   what could not be done, as warnings
   */
  makeWay?(run: Run, scope: Scope): Promise<readonly Diagnostic[]>;
  /** Removes everything of slicewright's, at once and thoroughly. */
  clean(run: Run, scope: Scope): Promise<CleanReport>;
  /**
   * Leaves the rules in force as a kube-proxy of the same mode would find its own, so that it takes them over when it starts,
   * and removes the marks that show that they are slicewright's. What kube-proxy would neither use nor remove goes too,
   * unless Services would lose their rules by it: then it stays, `failed`. Under kube-proxy's names only.
   */
  handOver(run: Run, scope: Scope): Promise<CleanReport>;
}

/** What a backend's predecessor must know of it. */
export interface Successor {
  /** It writes the same tables of rules, so that its plan replaces the chains there. */
  readonly writesTables: boolean;
}

/** What a plan starts from, live or saved. */
export interface Observed {
  readonly family: Family;
  /** For people: `the kernel (nft)`, a file's name. */
  readonly source: string;
  /** Something of slicewright's is there. */
  readonly isOurs: boolean;
  /** Rules of this mode, from any program, decide about Services' packets on this machine. */
  readonly isInForce: boolean;
  plan(target: Target, options: PlanOptions): Plan;
  /**
   * The rules that are there, as packets meet them.
   *
   * withOthers   also follow other programs' rules that come first and take packets, where they are known
   */
  look(node: NodeContext, how?: { readonly withOthers: boolean }): Look;
  /** Known differences that its age shows: chains that only old kube-proxies have, or do not have yet. */
  readonly readings?: readonly Reading[];
  /** Other programs' rules that may decide before slicewright's rules do, each with its place. */
  inFront(): readonly string[];
  /** Other programs' chains that come first and are not followed, each with the rule that leads there; absent: none known. */
  notFollowed?(): readonly string[];
}

export interface PlanOptions {
  /** What decides about traffic now, where another backend does. */
  readonly before: Side | undefined;
  /** The plan will be applied to a kernel that looks like this: slicewright owns a kernel's rules; a dump has no owner. */
  readonly isToBeApplied: boolean;
}

/** What a kernel held a moment ago. */
export interface Kernel extends Observed {
  /**
   * Why `apply` would refuse here: another writer, a missing tool. The caller asks it of all families before it changes the
   * first. It changes nothing itself, and its message tells the user so.
   *
   * returns   undefined: nothing that shows before a change is tried
   */
  refusal(target: Target): Promise<Diagnostic | undefined>;
  /**
   * Makes the kernel hold what is wanted, and reads it back.
   *
   * returns   the outcome, failures of the kernel included: then every packet has its old fate or its new one
   */
  apply(target: Target): Promise<ApplyReport>;
}

/** What performing a plan takes: 2 transactions, 9 lines, 3 chains. */
export interface Cost {
  readonly transactions: number;
  readonly lines: number;
  /** Parts that are made, changed or deleted. */
  readonly parts: number;
  /** What this backend calls a transaction and a part, in the singular. */
  readonly words: { readonly transaction: string; readonly part: string };
}

/** The steps from the observed to the desired rules, in one family. */
export interface Plan {
  readonly family: Family;
  readonly backend: string;
  readonly source: string;
  readonly hasSteps: boolean;
  /** Commands that change something. */
  readonly transactions: number;
  readonly diagnostics: readonly Diagnostic[];
  /** What it means. Costs more than the plan itself, so it is made when it is asked for. */
  changes(): PlanChanges;
  /** Services that are served before it and after it. */
  served(): Served;
  /** The steps as values for programs. */
  steps(): readonly object[];
  /** What `loadPlan` takes. */
  saved(): object;
  /** What there is once it went through. */
  after(): Observed;
}

/** What a plan changes, for people and programs. */
export interface PlanChanges {
  /** Frontends whose clients are served differently, or by other rules. */
  readonly frontends: readonly FrontendChange[];
  /** Part by part: chains, virtual servers, sets. */
  readonly parts: readonly PartDiff[];
  readonly dangers: readonly Danger[];
  readonly cost: Cost;
  /** What has to wait, what goes afterwards. */
  readonly notes: readonly string[];
}

/** The outcome of an apply in one family. */
export interface ApplyReport {
  /** Everything that is wanted is in force, as read back. */
  readonly isDone: boolean;
  /** What was done, for people; undefined: nothing had to be. */
  readonly done: string | undefined;
  readonly problems: readonly Diagnostic[];
}

/** A family's part of a saved plan, or what is wrong with it. */
export type LoadedPlan =
  | { readonly kind: 'plan'; readonly family: Family; readonly start: (run: Run, scope: Scope) => Promise<PlanStart> }
  | { readonly kind: 'refused'; readonly problems: readonly PlanProblem[] };

export interface PlanProblem {
  /** The path of the faulty value in the file: `steps.3.document`; empty: no single value is at fault. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** A saved plan before a kernel. */
export interface PlanStart {
  /** Why it is not performed here; undefined: it fits. */
  readonly refusal: Diagnostic | undefined;
  /** Performs exactly the steps of the plan. */
  perform(): Promise<ApplyReport>;
}

/** Where a dump is: one file, or a folder of files. */
export type DumpSource =
  | { readonly kind: 'file'; readonly path: string; readonly text: string }
  /** read   undefined: there is no such file; throws where it cannot be read */
  | { readonly kind: 'folder'; readonly path: string; readonly read: (name: string) => string | undefined };

export interface DumpReading {
  readonly observed: readonly Observed[];
  readonly problems: readonly DumpProblem[];
}

export interface DumpProblem {
  readonly path: string;
  readonly code: 'no-dump' | 'bad-dump';
  readonly message: string;
}

export interface PlaneOptions {
  readonly scope: Scope;
  readonly run: Run;
  /** A clock that never goes back. */
  readonly nowMs: () => number;
  readonly delayTimes: DelayTimes;
}

/** What another backend has left on a node, in one family. */
export interface Remains {
  /** For people: `IPVS mode goes: 2 virtual servers`. */
  readonly text: string;
  /** What it does with packets, where it still decides about traffic; undefined: it does not. */
  side(target: Target): Side | undefined;
  /** Removes it: connections end first, and nothing new comes to it. The rules in its place are in force already. */
  leave(): Promise<LeaveReport>;
}

export interface LeaveReport {
  readonly isDone: boolean;
  /** For people, when something was done. */
  readonly done: string | undefined;
  /** What is left until connections end, for people; undefined: nothing. */
  readonly waits: string | undefined;
  readonly problems: readonly Diagnostic[];
}

export interface CleanReport {
  /** `nothing`: nothing was there. `removed`: all that was to go is gone. `failed`: something is left. */
  readonly state: 'nothing' | 'removed' | 'failed';
  readonly done: readonly string[];
  /** What is left because it is another program's, for people. */
  readonly others: string | undefined;
  /** What slicewright leaves in place because other programs' rules lead to it, and which rules. Each run reports it. */
  readonly kept: readonly Diagnostic[];
  readonly problems: readonly Diagnostic[];
}
