import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import type { TraceStep } from '../../../compiler/semantics/packet.ts';
import type { Outcome } from '../../../compiler/semantics/verdict.ts';
import type { Rational } from '../../../compiler/values/rational.ts';
import type { Chain, HookName, NftProgram } from '../program/program.ts';
import type { LookOptions } from '../../equivalence/look.ts';
import type { Flow } from './flow.ts';
import { readableConditions } from '../program/parse-rule.ts';
import { type Exit, tryStatement, unreadIn } from './statements.ts';

/** One packet's way through a program, hook by hook. What calls it knows the order of the hooks. */
export interface Walk {
  /**
   * Sends flows through the chains of a hook, in the order of their priorities.
   *
   * types    kinds of chains that look at them: nat looks at a packet once
   * returns  those that go on, which may be more. What is refused is added to `refused`.
   */
  pass(at: HookName, types: readonly ('filter' | 'nat')[], flows: readonly Flow[]): Flow[];
  readonly refused: readonly Outcome[];
  /** Every rule that did something; of a brief walk only those that could not be followed. */
  readonly steps: readonly TraceStep[];
}

/** How a flow leaves a chain. */
interface Left {
  readonly flow: Flow;
  readonly by: 'end' | 'accept' | 'drop' | 'reject';
}

export function createWalk(program: NftProgram, node: NodeContext, { asked, brief = false }: LookOptions = {}): Walk {
  const steps: TraceStep[] = [];
  const refused: Outcome[] = [];

  /** path   the chains that it is in, this one last */
  function record(
    chain: Chain,
    rule: string,
    share: Rational,
    path: readonly string[],
    skipped?: TraceStep['skipped'],
  ): void {
    if (brief && skipped === undefined) return;
    const step: TraceStep = { where: `chain ${chain.name}`, rule, share, depth: path.length - 1 };
    const whose = chain.ofOthers === true ? ({ ofOthers: true } as const) : {};
    steps.push(skipped === undefined ? { ...step, ...whose } : { ...step, skipped, ...whose });
  }

  function walkChain(chain: Chain, start: Flow, path: readonly string[]): Left[] {
    const left: Left[] = [];
    let standing = [start];
    for (const [i, line] of chain.lines.entries()) {
      const staying: Flow[] = [];
      for (const flow of standing) {
        for (const one of tryRule(chain, i, line, flow, path)) {
          if (one.by === 'next') staying.push(one.flow);
          else left.push({ flow: one.flow, by: one.by });
        }
      }
      standing = staying;
      if (standing.length === 0) break;
    }
    return [...left, ...standing.map((flow): Left => ({ flow, by: 'end' }))];
  }

  function tryRule(
    chain: Chain,
    place: number,
    line: string,
    flow: Flow,
    path: readonly string[],
  ): (Left | { readonly flow: Flow; readonly by: 'next' })[] {
    const rule = chain.rules[place];
    if (rule === undefined) {
      if (isPassedBy(line, flow)) return [{ flow, by: 'next' }];
      record(chain, line, flow.share, path, 'not understood');
      return [{ flow, by: 'next' }];
    }
    let going = [flow];
    const gone: (Left | { readonly flow: Flow; readonly by: 'next' })[] = [];
    for (const statement of rule.statements) {
      const next: Flow[] = [];
      for (const one of going) {
        const exits = tryStatement(statement, one, program, node, asked);
        if (exits === undefined) {
          for (const entry of unreadIn(statement, program))
            record(chain, `${line} (${entry})`, one.share, path, 'not understood');
          if (unreadIn(statement, program).length === 0) record(chain, line, one.share, path, 'no such chain');
          gone.push({ flow: one, by: 'next' });
        }
        for (const exit of exits ?? []) {
          if (exit.by === 'verdict') gone.push(...follow(chain, line, exit, path));
          else if (exit.by === 'next') next.push(exit.flow);
          else gone.push({ flow: exit.flow, by: 'next' });
        }
      }
      going = next;
      if (going.length === 0) return gone;
    }
    for (const one of going) {
      record(chain, line, one.share, path);
      gone.push({ flow: one, by: 'next' });
    }
    return gone;
  }

  /** True only if it is certain: a readable condition of the line asks for another packet. */
  function isPassedBy(line: string, flow: Flow): boolean {
    return readableConditions(program.family, line).some((condition) => {
      const exits = tryStatement(condition, flow, program, node, asked);
      return exits?.every(({ by }) => by === 'miss') === true;
    });
  }

  function follow(
    chain: Chain,
    line: string,
    { verdict, flow }: Extract<Exit, { by: 'verdict' }>,
    path: readonly string[],
  ): (Left | { readonly flow: Flow; readonly by: 'next' })[] {
    switch (verdict.kind) {
      case 'accept':
      case 'drop':
      case 'reject':
        record(chain, line, flow.share, path);
        return [{ flow, by: verdict.kind }];
      case 'return':
        record(chain, line, flow.share, path);
        return [{ flow, by: 'end' }];
      case 'jump':
      case 'goto': {
        const target = program.chains.get(verdict.chain);
        // A kernel refuses both when rules are loaded; a listing can still hold them.
        const obstacle = target === undefined ? 'no such chain' : path.includes(target.name) ? 'loop' : undefined;
        record(chain, line, flow.share, path, obstacle);
        if (target === undefined || obstacle !== undefined) return [{ flow, by: 'next' }];
        const left = walkChain(target, flow, [...path, target.name]);
        return verdict.kind === 'goto'
          ? left
          : left.map((one) => (one.by === 'end' ? { flow: one.flow, by: 'next' } : one));
      }
    }
  }

  return {
    steps,
    refused,
    pass(at, types, flows) {
      let going = [...flows];
      for (const chain of baseChainsOf(program).get(at) ?? []) {
        if (chain.hook === undefined || !types.includes(chain.hook.type)) continue;
        // The first translation of a connection counts: later chains of nat are no longer asked.
        const isDone = ({ isTranslated }: Flow) => chain.hook?.type === 'nat' && at !== 'postrouting' && isTranslated;
        const left = going.flatMap((flow): Left[] =>
          isDone(flow) ? [{ flow, by: 'end' }] : walkChain(chain, flow, [chain.name]),
        );
        going = [];
        for (const { flow, by } of left) {
          if (by === 'drop' || by === 'reject') refused.push({ share: flow.share, fate: { kind: by } });
          // A packet that a chain accepts goes on to the next chain of its hook.
          else going.push(by === 'accept' && chain.hook?.type === 'filter' ? { ...flow, isLetIn: true } : flow);
        }
      }
      return going;
    },
  };
}

const baseChains = new WeakMap<NftProgram, ReadonlyMap<HookName, readonly Chain[]>>();

/** The chains of each hook, by priority. A program has thousands of chains, and every packet comes to every hook. */
function baseChainsOf(program: NftProgram): ReadonlyMap<HookName, readonly Chain[]> {
  const known = baseChains.get(program);
  if (known !== undefined) return known;
  const found = new Map<HookName, Chain[]>();
  for (const chain of program.chains.values()) {
    if (chain.hook !== undefined) found.set(chain.hook.at, [...(found.get(chain.hook.at) ?? []), chain]);
  }
  for (const chains of found.values()) chains.sort((a, b) => (a.hook?.priority ?? 0) - (b.hook?.priority ?? 0));
  baseChains.set(program, found);
  return found;
}
