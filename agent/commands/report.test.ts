import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { backendNames } from '../../backends/index.ts';
import type { Run } from '../../backends/command.ts';
import { memoryIo } from '../terminal/memory-io.fixture.ts';
import { cartOf, createScratch, nodeOf } from './commands.fixture.ts';
import { compileCommand } from './compile.ts';
import { planCommand } from './plan.ts';
import { reportCommand, type ReportOptions } from './report.ts';

const scratch = createScratch();
afterAll(() => scratch.remove());

const node = scratch.put('node.yaml', nodeOf('192.168.0.1'));
const one = scratch.put('one.yaml', cartOf('10.1.0.5'));
const two = scratch.put('two.yaml', cartOf('10.1.0.5', '10.1.0.6'));
const idle = `
---
apiVersion: v1
kind: Service
metadata: {name: idle, namespace: test, labels: {app: idle}}
spec: {clusterIP: 10.96.0.11, clusterIPs: [10.96.0.11], ports: [{port: 81, protocol: TCP}]}
`;
const both = scratch.put('both.yaml', cartOf('10.1.0.5') + idle);

async function report(filename: string, options: Partial<ReportOptions> = {}, targets: readonly string[] = []) {
  const io = memoryIo();
  const status = await reportCommand(targets, { filename: [filename], node, diagnostics: 'human', ...options }, io);
  return { status, ...io.written };
}

/** Text as a reader sees it, without markup, scripts and styles. */
function shownIn(page: string): string {
  return page
    .replaceAll(/<(script|style)>.*?<\/\1>/gs, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll('&quot;', '"')
    .replaceAll(/\s+/g, ' ');
}

describe.each(backendNames())('a report in %s mode', (backend) => {
  it('has each Service with its traffic, endpoints and rules', async () => {
    const { status, out } = await report(both, { backend });
    expect(status).toBe(0);
    const text = shownIn(out);
    expect(text).toContain(`Mode ${backend} Services 2, 2 ports Pods 1 address`);
    expect(text).toMatch(/shop\/cart serves 1 of 1 this cluster 10\.96\.0\.10:80/);
    expect(text).toMatch(/test\/idle no endpoints 0 10\.96\.0\.11:81/);
    expect(out).toMatch(/<svg role="img" aria-label="The way of traffic through shop\/cart:http\/TCP\/IPv4/);
    const rules = /aria-label="Rules of shop\/cart:http\/TCP\/IPv4">([^<]*)/.exec(out)?.[1];
    expect(rules).toMatch(/10\.1\.0\.5/);
    expect(rules).not.toMatch(/10\.96\.0\.11/);
  });

  it('says what changes from other objects, for traffic and in rules', async () => {
    const { out } = await report(two, { backend, before: [one] });
    const text = shownIn(out);
    expect(text).toContain('What changes on east-1');
    expect(text).toContain('Plan: 0 Services to add, 1 to change, 0 to remove.');
    expect(text).toMatch(
      /changed shop\/cart http cluster IP 10\.96\.0\.10:80\/TCP: 1 → 2 endpoints \(\+10\.1\.0\.6:8080\)/,
    );
    expect(text).toContain(`IPv4 against ${one}`);
    expect(text).not.toContain('OWNER');
    expect(out).toMatch(/<span class="added">\+[^<]*10\.1\.0\.6/);
  });

  it('says the same of what was compiled before, and of the plan', async () => {
    const folder = `${scratch.root}/rules-${backend}`;
    await compileCommand({ filename: [one], node, backend, out: folder, diagnostics: 'human' }, memoryIo());
    const files = readdirSync(folder);
    const file = files.length === 1 ? files[0] : files.find((name) => name === 'iptables-save');
    const dump = file === undefined ? folder : `${folder}/${file}`;
    const io = memoryIo();
    const options = { filename: [two], node, backend, against: [dump], output: 'json', diagnostics: 'human' } as const;
    expect(await planCommand(options, io, nobody, { name: 'east-1', addresses: [] })).toBe(2);
    const plan = scratch.put(`plan-${backend}.json`, io.written.out);
    const changes = (page: string) =>
      shownIn(page).match(/(?:changed|added|removed) shop\/cart .*?endpoints[^;]*?\)/)?.[0];
    const said = changes((await report(two, { backend, before: [one] })).out);
    expect(said).toMatch(/1 → 2 endpoints/);
    expect(changes((await report(two, { backend, against: [dump] })).out)).toBe(said);
    expect(changes((await report(two, { backend, plan })).out)).toBe(said);
  });
});

const nobody: Run = () => Promise.resolve({ exitCode: undefined, stdout: '', stderr: '', failure: 'not-found' });

describe('a report', () => {
  it('is the same for the same input, whatever the order of objects', async () => {
    const turned = scratch.put('turned.yaml', `${idle}\n---${cartOf('10.1.0.5')}`);
    const first = await report(both, { title: 'all' });
    expect((await report(both, { title: 'all' })).out).toBe(first.out);
    expect((await report(turned, { title: 'all' })).out).toBe(first.out);
  });

  it('lets its own script and style run, and nothing else', async () => {
    const { out } = await report(both);
    const policy = /Content-Security-Policy" content="([^"]*)"/
      .exec(out)?.[1]
      ?.replaceAll('&#x27;', "'")
      .replaceAll('&#x3D;', '=');
    const hashes = ['script', 'style'].map((name) => {
      const texts = [...out.matchAll(new RegExp(`<${name}[^>]*>(.*?)</${name}>`, 'gs'))];
      expect(texts).toHaveLength(1);
      return `${name}-src 'sha256-${createHash('sha256')
        .update(texts[0]?.[1] ?? '')
        .digest('base64')}'`;
    });
    expect(policy?.split('; ')).toEqual([
      "default-src 'none'",
      ...hashes,
      "base-uri 'none'",
      "form-action 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ]);
    expect(out).not.toMatch(/ style="| on\w+="|javascript:|(?:src|href)="(?!#)/);
  });

  it('shows what objects say as text', async () => {
    const hostile = '</script><script>alert(1)</script><img src=x onerror=alert(2)>';
    const objects = scratch.put(
      'hostile.yaml',
      cartOf('10.1.0.5').replace('spec: {', `spec: {sessionAffinity: ${JSON.stringify(hostile)}, `),
    );
    const { out } = await report(objects, { title: hostile });
    expect(out.match(/<script>/g)).toHaveLength(1);
    expect(out).not.toContain('<img');
    expect(out).toContain('<title>&lt;/script&gt;&lt;script&gt;alert(1)');
    expect(out).toMatch(/badge (?:warning|error)">.*alert\(2\)&gt;/);
  });

  it.each<[string, Partial<ReportOptions>, readonly string[], readonly string[]]>([
    ['a name', {}, ['shop/cart'], ['shop/cart']],
    ['a namespace', { namespace: 'test' }, [], ['test/idle']],
    ['a selector', { selector: 'app=idle' }, [], ['test/idle']],
  ])('has only the Services of %s', async (_what, options, targets, keys) => {
    const { out } = await report(both, options, targets);
    expect([...out.matchAll(/data-key="([^"]*)"/g)].map(([, key]) => key)).toEqual(keys);
  });

  it('tells all that changes, also where Services are left out', async () => {
    const { out } = await report(both, { before: [two] }, ['shop/cart']);
    expect(shownIn(out)).toMatch(/added test\/idle/);
  });

  it('has Services that are not served, with what is wrong with them', async () => {
    const objects = scratch.put('bad.yaml', cartOf('10.1.0.5').replace('10.96.0.10, ', '"nonsense", '));
    const { out } = await report(objects);
    expect(out).toMatch(/data-key="shop\/cart"[^>]*data-worst="(?:error|warning)"/);
  });

  it('says that there is none where none is', async () => {
    const { status, out, err } = await report(both, {}, ['shop/none']);
    expect([status, out]).toEqual([1, '']);
    expect(err).toContain('none of the chosen Services');
  });

  it('writes to a file', async () => {
    const out = `${scratch.root}/page.html`;
    expect(await report(both, { out })).toMatchObject({ status: 0, out: '' });
    expect(readFileSync(out, 'utf8')).toMatch(/^<!doctype html>/);
    expect(await report(both, { out: `${scratch.root}/none/page.html` })).toMatchObject({ status: 1 });
  });

  it.each([
    ['{"kind": "Plan", "digest": {}, "families": []}', /plan --out saved for apply/],
    ['{"kind": "Plan"}', /apiVersion: .*\n.*changes: /],
    ['[]', /plan\.json/],
  ])('refuses %s as a plan', async (text, message) => {
    const { status, out, err } = await report(both, { plan: scratch.put('plan.json', text) });
    expect([status, out]).toEqual([1, '']);
    expect(err).toMatch(message);
  });

  it('reads standard input once', async () => {
    const { status, err } = await report('-', { before: ['-'] });
    expect([status, err]).toEqual([2, expect.stringContaining('only once')]);
  });
});
