import { describe, expect, it } from 'vitest';
import type { ClusterName } from '../compiler/values/names.ts';
import { createRoll } from './roll.ts';

const [a, b, c] = ['a', 'b', 'c'] as ClusterName[] as [ClusterName, ClusterName, ClusterName];

describe('the roll of clusters', () => {
  it('refuses the second name of one cluster, whoever answers first', () => {
    const roll = createRoll();
    roll.note(b, 'one');
    expect(roll.refusal(b)).toBeUndefined();
    roll.note(a, 'one');
    expect([a, b].map(roll.refusal)).toEqual([undefined, 'it is the same cluster as a']);
  });

  it('refuses another cluster under a name, in one run and over a restart', () => {
    const roll = createRoll();
    roll.note(a, 'old');
    roll.note(a, 'new');
    expect(roll.refusal(a)).toContain('its uid is new, and it should be old');
    const next = createRoll();
    next.restore(roll.text());
    next.note(a, 'new');
    expect(next.refusal(a)).toContain('--cluster-uid a=new');
  });

  it('believes what is remembered more than what was seen before it was read', () => {
    const roll = createRoll();
    roll.note(a, 'new');
    expect(roll.refusal(a)).toBeUndefined();
    roll.restore('a=old,b=two');
    expect(roll.refusal(a)).toContain('it should be old');
    expect(roll.text()).toBe('a=old,b=two');
  });

  it('takes the uid that somebody states, and remembers it', () => {
    const roll = createRoll();
    roll.restore('a=old');
    roll.state(a, 'new');
    roll.note(a, 'new');
    expect(roll.refusal(a)).toBeUndefined();
    expect(roll.text()).toBe('a=new');
    roll.state(b, 'x');
    roll.note(b, 'y');
    expect(roll.refusal(b)).toContain('it should be x');
  });

  it('knows nothing any more of a cluster that is registered no more', () => {
    const roll = createRoll();
    roll.note(a, 'old');
    roll.forget(a);
    roll.note(a, 'new');
    expect(roll.refusal(a)).toBeUndefined();
  });

  it('passes over a note that it cannot read, and uids that say nothing', () => {
    const roll = createRoll();
    roll.restore('=x,NO=1,a,b=,c=3');
    roll.note(c, '');
    expect(roll.text()).toBe('c=3');
  });
});
