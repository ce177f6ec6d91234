import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { environment } from '../netns/processes.ts';
import { copyGuide, type Guide } from './guide.ts';
import { endAll } from '../helpers/children.ts';

/* `slicewright test` at a terminal, a real one, which `script` makes, with somebody who presses keys. */

const program = fileURLToPath(new URL('../../agent/start.ts', import.meta.url));
const cart = 'cart-in-two-clusters';
const children = new Set<ChildProcess>();
let guide: Guide;
beforeEach(() => (guide = copyGuide()));
afterEach(async () => {
  await endAll(children);
  guide.remove();
});

function start(...args: readonly string[]) {
  const command = [process.execPath, program, 'test', guide.root, ...args].map((word) => `'${word}'`).join(' ');
  const typed = ['--quiet', '--return', '--command', `exec ${command}`, '/dev/null'];
  const child = spawn('script', typed, { env: { ...environment, TERM: 'xterm' }, stdio: 'pipe' });
  children.add(child);
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text.replaceAll('\r\n', '\n')));
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  return { said: () => said, exited, press: (keys: string) => child.stdin.write(keys) };
}

const question = 'a accept, r reject, s skip, q quit: ';
const pending = () => Object.keys(guide.all()).filter((file) => file.endsWith('.new'));

it('--review shows each change in colours, and accepts, rejects or skips it with a key', async () => {
  const before = guide.all();
  guide.edit(`${cart}/objects.yaml`, 'local=75,west=25', 'local=50,west=50');
  const review = start('--review', '--backend', 'iptables', '--backend', 'nftables');
  const isAsked = (file: string, count: number, verb = 'changed') =>
    eventually(() => {
      const head = `[${count}/5] ${cart}/${file} ${verb}`;
      expect(review.said()).toContain(head);
      expect(review.said().slice(review.said().indexOf(head))).toContain(question);
    });
  await isAsked('2-plan.iptables.txt', 1);
  expect(review.said()).toContain('\u001b[31m-  ~ shop/cart:');
  expect(review.said()).toContain('\u001b[32m+  ~ shop/cart:');
  expect(guide.read(`${cart}/2-plan.iptables.txt`)).toBe(before[`${cart}/2-plan.iptables.txt`]);
  // Anything else is no answer.
  review.press('x');
  review.press('a');
  await isAsked('2-plan.nftables.txt', 2);
  expect(guide.read(`${cart}/2-plan.iptables.txt`)).not.toBe(before[`${cart}/2-plan.iptables.txt`]);
  review.press('r');
  await isAsked('diagnostics.txt', 3, 'is missing');
  review.press('s');
  await isAsked('iptables.txt', 4);
  review.press('q');
  expect(await review.exited).toBe(1);
  expect(review.said()).not.toContain('[5/5]');
  const after = guide.all();
  const changed = Object.keys(before).filter((file) => after[file] !== before[file]);
  expect(changed).toEqual([`${cart}/2-plan.iptables.txt`, `${cart}/objects.yaml`]);
  // Rejected is put away, skipped and what came after are left for another time.
  expect(pending()).toEqual([`${cart}/diagnostics.txt.new`, `${cart}/iptables.txt.new`, `${cart}/nftables.txt.new`]);
});

it('--review of what is new and obsolete ends with 0 when all is accepted', async () => {
  guide.write('pay-for-the-office/2-plan.ipvs.txt', 'what was\n');
  guide.write('pay-for-the-office/packets.txt', 'pod 10.1.0.9 -> 10.96.0.20:443/tcp\n');
  const review = start('--review');
  await eventually(() => expect(review.said()).toContain('[1/2] pay-for-the-office/2-plan.ipvs.txt is obsolete'));
  review.press('aa');
  expect(await review.exited).toBe(0);
  expect(existsSync(guide.path('pay-for-the-office/2-plan.ipvs.txt'))).toBe(false);
  expect(guide.read('pay-for-the-office/verdicts.txt')).toContain('all to 10.1.1.20:8443');
});

it.each([
  ['Ctrl-C', '\u0003'],
  ['Ctrl-D', '\u0004'],
])('%s leaves a review, and what was decided stays', async (_, key) => {
  guide.write('pay-for-the-office/2-plan.ipvs.txt', 'what was\n');
  guide.write('pay-for-the-office/3-plan.ipvs.txt', 'what was\n');
  const review = start('--review');
  await eventually(() => expect(review.said()).toContain(question));
  review.press('a');
  await eventually(() => expect(review.said()).toContain('[2/2]'));
  review.press(key);
  expect(await review.exited).toBe(1);
  expect(existsSync(guide.path('pay-for-the-office/2-plan.ipvs.txt'))).toBe(false);
  expect(existsSync(guide.path('pay-for-the-office/3-plan.ipvs.txt'))).toBe(true);
});

it('--watch runs again after each change, and ends with Ctrl-C', async () => {
  const watch = start('--watch');
  const runs = () => watch.said().match(/watching for changes/g)?.length ?? 0;
  await eventually(() => expect(runs()).toBe(1));
  expect(watch.said()).toContain('2 cases: 2 passed, 0 failed');
  guide.edit(`${cart}/flows.txt`, '75 %', '60 %');
  await eventually(() => expect(runs()).toBe(2));
  expect(watch.said()).toContain('do not add up');
  guide.edit(`${cart}/flows.txt`, '60 %', '75 %');
  await eventually(() => expect(runs()).toBe(3));
  watch.press('\u0003');
  expect(await watch.exited).toBe(0);
});

it('shows on the way which case it is at', async () => {
  const run = start();
  expect(await run.exited).toBe(0);
  expect(run.said()).toContain(`\r\u001b[K1/2 ${cart}\r\u001b[K`);
});
