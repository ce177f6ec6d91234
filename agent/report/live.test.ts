import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createFakeIpvsKernel } from '../../backends/ipvs/fake/kernel.ts';
import { type FieldAgent, startFieldAgent } from '../../test/agent/field.ts';
import { systemClock } from '../loop/clock.ts';
import { folderSource } from '../sources/folder.ts';
import { cartOf, nodeOf } from '../commands/commands.fixture.ts';
import { rewrite } from '../../test/helpers/rewrite.ts';

let folder: string;
let agent: FieldAgent | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slicewright-live-'));
  rewrite(join(folder, 'node.yaml'), nodeOf('192.168.0.1'));
});
afterEach(async () => {
  await agent?.stop();
  rmSync(folder, { recursive: true });
});

async function start(servesReport: boolean): Promise<FieldAgent> {
  agent = startFieldAgent({
    run: createFakeIpvsKernel().run,
    own: folderSource(undefined, folder, systemClock),
    nodeName: 'east-1',
    servesReport,
  });
  await agent.next(({ kind }) => kind === 'synced');
  return agent;
}

it('an agent serves the page of what it has, with its policy as a header', async () => {
  rewrite(join(folder, 'cart.yaml'), cartOf('10.1.0.5'));
  const { get, next } = await start(true);
  const answer = await get('/slicewright/report');
  const page = await answer.text();
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  expect(page).toContain('data-key="shop/cart"');
  expect(page).toMatch(/Rules of shop\/cart:http\/TCP\/IPv4">[^<]*10\.1\.0\.5:8080/);
  const policy = answer.headers.get('content-security-policy') ?? '';
  const stated = /Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1] ?? '';
  expect(policy).toBe(`${stated.replaceAll('&#x27;', "'").replaceAll('&#x3D;', '=')}; frame-ancestors 'none'`);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(await (await get('/slicewright/report')).text()).toBe(page);

  const changed = next((event) => event.kind === 'synced' && event.services.some(({ known }) => known.length === 2));
  rewrite(join(folder, 'cart.yaml'), cartOf('10.1.0.5', '10.1.0.6'));
  await changed;
  expect(await (await get('/slicewright/report')).text()).toContain('10.1.0.6:8080');
});

it('an agent that was not told to serves no page', async () => {
  const { get } = await start(false);
  expect((await get('/slicewright/report')).status).toBe(404);
});
