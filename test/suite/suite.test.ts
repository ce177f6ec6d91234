import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { validateXML } from 'xmllint-wasm';
import { backendNames } from '../../backends/index.ts';
import { copyGuide, type Guide, runTest } from './guide.ts';

const cart = 'cart-in-two-clusters';
const pay = 'pay-for-the-office';
let guide: Guide;
beforeEach(() => (guide = copyGuide()));
afterEach(() => guide.remove());

const run = (options = {}, world = {}) => runTest([guide.root], options, world);
const ci = { environment: { CI: 'true' } };

/** Another weight for west: programs and plans change, and a flow is not met any more. */
const reweigh = () => guide.edit(`${cart}/objects.yaml`, 'local=75,west=25', 'local=50,west=50');

describe('a suite that holds', () => {
  it('passes, and nothing is written', async () => {
    const before = guide.all();
    expect(await run()).toEqual({
      status: 0,
      out: `pass  ${cart}  17 checks\npass  ${pay}  13 checks\n2 cases: 2 passed, 0 failed; 30 checks\n`,
      err: '',
    });
    expect(guide.all()).toEqual(before);
  });

  it('passes in CI', async () => expect((await run({}, ci)).status).toBe(0));
});

describe('a change', () => {
  beforeEach(reweigh);

  it('fails with a difference for each file, which is put beside it until it is accepted', async () => {
    const before = guide.all();
    const { status, out } = await run();
    expect(status).toBe(1);
    expect(out).toContain('iptables.txt: changed');
    expect(out).toMatch(/^ {4}-.* --probability 0\.25000000000 /m);
    expect(out).toContain('--review shows each change and asks to accept it; --update accepts all');
    const { [`${cart}/iptables.txt.new`]: pending, ...others } = guide.all();
    expect(pending).toContain('--probability 0.16666666651');
    expect(others).toMatchObject(before);
    expect(Object.keys(others).filter((file) => !(file in before))).toEqual([
      `${cart}/2-plan.iptables.txt.new`,
      `${cart}/2-plan.ipvs.txt.new`,
      `${cart}/2-plan.nftables.txt.new`,
      `${cart}/diagnostics.txt.new`,
      `${cart}/ipvs.txt.new`,
      `${cart}/nftables.txt.new`,
    ]);
  });

  it('names of a flow that is not met what is wanted, what was found and the rules, for each backend', async () => {
    const { out } = await run();
    for (const backend of backendNames()) {
      expect(out).toContain(`flows.txt:2 pod 10.1.0.9 -> shop/cart:http (${backend}): failed\n    packet `);
    }
    expect(out).toContain(
      `
  flows.txt:2 pod 10.1.0.9 -> shop/cart:http (iptables): failed
    packet   pod 10.1.0.9 -> 10.96.0.10:80/tcp
    wanted   75 % to cluster local
             25 % to cluster west
    found    16.6667 % to 10.1.0.5:8080 (local)
             16.6667 % to 10.1.1.6:8080 (local)
             16.6667 % to 10.1.1.7:8080 (local)
             50 % to 10.2.0.5:8080 (west)
    because  50 % goes to cluster local, but "75 % to cluster local" is expected
    rules    nat PREROUTING: -A PREROUTING`,
    );
  });

  it('is accepted with --update but for flows, which only people change', async () => {
    const { status, out } = await run({ update: true });
    expect(status).toBe(1);
    expect(out).toContain('accepted: 2-plan.iptables.txt');
    expect(out).not.toContain('txt: changed');
    guide.edit(`${cart}/flows.txt`, '75 % to cluster local\n  25 %', '50 % to cluster local\n  50 %');
    guide.edit(
      `${cart}/flows.txt`,
      '1/4 to 10.1.0.5:8080 masqueraded\n  1/2 to cluster local\n  1/4',
      '1/6 to 10.1.0.5:8080 masqueraded\n  1/3 to cluster local\n  1/2',
    );
    expect(await run()).toMatchObject({ status: 0 });
    expect(Object.keys(guide.all()).filter((file) => file.endsWith('.new'))).toEqual([]);
  });

  it('leaves nothing pending once it is taken back', async () => {
    const before = guide.all();
    await run();
    guide.edit(`${cart}/objects.yaml`, 'local=50,west=50', 'local=75,west=25');
    expect(await run()).toMatchObject({ status: 0 });
    expect(Object.keys(guide.all())).toEqual(Object.keys(before));
  });

  it('fails in CI, where nothing is written', async () => {
    const before = guide.all();
    const { status, out } = await run({}, ci);
    expect(status).toBe(1);
    expect(out).toContain('iptables.txt: changed');
    expect(guide.all()).toEqual(before);
    expect(await run({ ci: true })).toMatchObject({ status: 1 });
    expect(guide.all()).toEqual(before);
  });
});

describe('an expectation that is missing', () => {
  it('fails with what it would be, also in CI, and can be accepted', async () => {
    const text = guide.read(`${pay}/ipvs.txt`);
    execFileSync('rm', [guide.path(`${pay}/ipvs.txt`)]);
    const { status, out } = await run({}, ci);
    expect(status).toBe(1);
    expect(out).toContain('ipvs.txt: is missing\n    the file does not exist yet; its content would be\n    +# IPv4\n');
    expect(existsSync(guide.path(`${pay}/ipvs.txt.new`))).toBe(false);
    expect(await run({ update: true })).toMatchObject({ status: 0 });
    expect(guide.read(`${pay}/ipvs.txt`)).toBe(text);
  });
});

describe('an expectation that is obsolete', () => {
  it('fails, also in CI, and goes when that is accepted', async () => {
    guide.write(`${pay}/3-plan.iptables.txt`, 'what was\n');
    const { status, out } = await run({}, ci);
    expect(status).toBe(1);
    expect(out).toContain('3-plan.iptables.txt: is obsolete\n    the expectation is now empty\n    -what was\n');
    expect(await run({ update: true })).toMatchObject({ status: 0 });
    expect(existsSync(guide.path(`${pay}/3-plan.iptables.txt`))).toBe(false);
  });

  it('is a diagnostic that is said no more', async () => {
    guide.write(`${pay}/diagnostics.txt`, 'warning: gone\n');
    expect((await run()).out).toContain('diagnostics.txt: is obsolete');
  });
});

describe('what else lies in a case', () => {
  it('fails where it is neither input nor expectation, and stays', async () => {
    guide.write(`${pay}/flow.txt`, 'a slip of the pen\n');
    expect(await run({ update: true })).toMatchObject({ status: 1 });
    expect((await run()).out).toContain(
      'flow.txt: is not expected\n    is neither an input nor an expectation of a case',
    );
    expect(guide.read(`${pay}/flow.txt`)).toBe('a slip of the pen\n');
  });

  it('may be words for people, a hidden file, and what is pending', async () => {
    for (const file of ['NOTES.md', '.keep', 'ipvs.txt.new']) guide.write(`${pay}/${file}`, 'x\n');
    expect(await run({}, ci)).toMatchObject({ status: 0 });
  });
});

describe('of the optional expectations', () => {
  it('endpoints.txt and ir.json are held where they are there', async () => {
    guide.write(`${pay}/endpoints.txt`, 'something else\n');
    expect((await run()).out).toContain('endpoints.txt: changed');
    expect(await run({ update: true })).toMatchObject({ status: 0 });
    expect(guide.read(`${pay}/endpoints.txt`)).toContain('shop/pay:https/TCP/IPv4');
    expect(existsSync(guide.path(`${pay}/ir.json`))).toBe(false);
  });

  it('suite.yaml says which there must be, and whose programs', async () => {
    guide.write('suite.yaml', 'backends: [iptables]\nexpect: [endpoints]\n');
    const { status, out } = await run({}, ci);
    expect(status).toBe(1);
    expect(out).toContain('endpoints.txt: is missing');
    expect(out).toContain('ipvs.txt: is obsolete');
    expect(out).not.toContain('(ipvs)');
  });

  it.each([
    ['expect: [everything]\n', 'expect'],
    ['backends: [ebpf]\n', 'ebpf is not a backend; the backends are iptables, ipvs, nftables'],
    ['expct: []\n', 'expct'],
  ])('a suite.yaml with %j is refused', async (text, message) => {
    guide.write('suite.yaml', text);
    const { status, err } = await run();
    expect(status).toBe(1);
    expect(err).toContain(message);
  });
});

describe('options', () => {
  it('--filter picks cases, --backend programs and flows', async () => {
    const { out } = await run({ filter: '^pay', backend: ['ipvs'] });
    expect(out).toBe(`pass  ${pay}  5 checks\n1 case: 1 passed, 0 failed; 5 checks\n`);
  });

  it.each([
    [{ filter: '(' }, '--filter (: is not a regular expression'],
    [{ filter: 'nothing' }, '--filter nothing: matches no case'],
    [{ review: true }, 'needs a terminal'],
    [{ ci: true, update: true }, 'is not allowed in CI'],
    [{ watch: true, output: 'json' as const }, 'never ends'],
  ])('%j is a usage error', async (options, message) => {
    const { status, err } = await run(options);
    expect(status).toBe(2);
    expect(err).toContain(message);
  });

  it('-o json says of each check what became of it', async () => {
    reweigh();
    const { status, out } = await run({ output: 'json' }, ci);
    expect(status).toBe(1);
    const report = JSON.parse(out);
    expect(Object.keys(report)).toEqual(['apiVersion', 'kind', 'passed', 'cases']);
    expect(report).toMatchObject({
      kind: 'TestReport',
      passed: false,
      cases: [
        { name: cart, passed: false },
        { name: pay, passed: true },
      ],
    });
    expect(report.cases[0].checks).toContainEqual(
      expect.objectContaining({ name: 'iptables.txt', file: 'iptables.txt', backend: 'iptables', outcome: 'changed' }),
    );
    expect(report.cases[0].checks).toContainEqual(
      expect.objectContaining({
        file: 'flows.txt',
        line: 2,
        backend: 'ipvs',
        outcome: 'unmet',
        detail: expect.stringContaining('wanted'),
      }),
    );
  });

  it('a folder without a case, and one that is not there, cannot be tested', async () => {
    expect(await runTest([guide.path('nowhere')])).toMatchObject({
      status: 1,
      err: expect.stringContaining('there is no such file'),
    });
    guide.write('empty.md', '');
    expect(await runTest([guide.path(`${cart}/flows.txt`)])).toMatchObject({ status: 1 });
  });

  it('one case by its own path has the settings of the suite around it', async () => {
    guide.write('suite.yaml', 'expect: [ir]\n');
    const { out } = await runTest([guide.path(pay)], {}, ci);
    expect(out).toContain('ir.json: is missing');
  });
});

describe('the report for CI systems', () => {
  const schema = readFileSync(fileURLToPath(new URL('junit.xsd', import.meta.url)), 'utf8');
  async function junit(): Promise<{ readonly xml: string; readonly errors: readonly string[] }> {
    await run({ junit: guide.path('report.xml') }, ci);
    const xml = guide.read('report.xml');
    const { errors } = await validateXML({ xml: { fileName: 'report.xml', contents: xml }, schema });
    return { xml, errors: errors.map(({ message }) => message) };
  }

  it('fits the schema of JUnit, whatever came of the run', async () => {
    expect(await junit()).toMatchObject({ errors: [] });
    reweigh();
    guide.write(`${pay}/stray.txt`, '');
    guide.write(`${pay}/node.yaml`, '{');
    const { xml, errors } = await junit();
    expect(errors).toEqual([]);
    expect(xml).toContain('type="changed"');
    expect(xml).toContain('<error message=');
    expect(xml).toMatch(/<testsuite name="pay-for-the-office" tests="1" failures="0" errors="1" skipped="0"/);
  });

  it('has a form for any text, so that no name and no content adds an element', async () => {
    guide.write(`${pay}/"><x y='&.txt`, '');
    guide.write(`${pay}/endpoints.txt`, ']]></failure><injected/>\u0000\u001b[2J\uffff&amp;\n');
    const { xml, errors } = await junit();
    expect(errors).toEqual([]);
    expect(xml).not.toContain('<injected');
    expect(xml).not.toContain('\u001b');
  });

  it('the schema refuses what is none', async () => {
    const { errors } = await validateXML({
      xml: { fileName: 'x.xml', contents: '<testsuites name="x" tests="-1" failures="0" errors="0"/>' },
      schema,
    });
    expect(errors.length).toBeGreaterThan(0);
  });

  it('names files and lines for GitHub Actions, where it runs there or is asked to', async () => {
    reweigh();
    const github = { environment: { CI: 'true', GITHUB_ACTIONS: 'true' }, folder: join(guide.root, '..') };
    const { err } = await run({}, github);
    const folder = guide.root.slice(join(guide.root, '..').length + 1);
    expect(err).toContain(
      `::error file=${folder}/${cart}/iptables.txt,title=${cart}%3A iptables.txt::iptables.txt changed%0A@@`,
    );
    expect(err).toContain(`::error file=${folder}/${cart}/flows.txt,line=2,title=`);
    expect(
      err
        .trimEnd()
        .split('\n')
        .every((line) => line.startsWith('::error ')),
    ).toBe(true);
    expect((await run({ github: false }, github)).err).toBe('');
    expect((await run({ github: true }, ci)).err).toContain('::error ');
  });

  it('lets no content of a case be taken for a command of GitHub Actions', async () => {
    const commands = ['::set-output name=x::y', '  ::add-mask::x', '##[add-path]/x'];
    guide.write(`${pay}/endpoints.txt`, `${commands.join('\n')}\n`);
    const { out, err } = await run({ github: true }, ci);
    expect(out).toContain('set-output');
    expect(out).not.toMatch(/^\s*::|##\[/m);
    expect(err.match(/^::/gm)).toHaveLength(1);
  });
});

describe('a case of somebody hostile', () => {
  it('is read nowhere outside of the suite', async () => {
    const secret = join(guide.root, '..', `secret-${Math.trunc(performance.now())}`);
    writeFileSync(secret, 'password\n');
    execFileSync('rm', [guide.path(`${pay}/node.yaml`)]);
    symlinkSync(secret, guide.path(`${pay}/node.yaml`));
    symlinkSync(secret, guide.path(`${cart}/endpoints.txt`));
    const { status, out, err } = await run({ junit: guide.path('report.xml') });
    expect(status).toBe(1);
    expect(out.match(/is a link to a place outside the suite/g)).toHaveLength(2);
    expect(`${out}${err}${guide.read('report.xml')}`).not.toContain('password');
    expect(readFileSync(secret, 'utf8')).toBe('password\n');
    execFileSync('rm', [secret]);
  });

  it('may share files within the suite by links', async () => {
    execFileSync('rm', [guide.path(`${pay}/node.yaml`)]);
    symlinkSync(`../${cart}/node.yaml`, guide.path(`${pay}/node.yaml`));
    expect(await run({}, ci)).toMatchObject({ status: 0 });
  });

  it('is written to no file that its links lead to', async () => {
    const outside = join(guide.root, '..', `outside-${Math.trunc(performance.now())}`);
    writeFileSync(outside, 'as it was\n');
    reweigh();
    symlinkSync(outside, guide.path(`${cart}/iptables.txt.new`));
    await run();
    expect(guide.read(`${cart}/iptables.txt.new`)).toContain('*nat');
    execFileSync('rm', [guide.path(`${cart}/nftables.txt`)]);
    symlinkSync(outside, guide.path(`${cart}/nftables.txt`));
    await run({ update: true });
    expect(readFileSync(outside, 'utf8')).toBe('as it was\n');
    execFileSync('rm', [outside]);
  });

  it('holds nobody up with a pipe, and nobody up with a file without end', async () => {
    execFileSync('rm', [guide.path(`${pay}/objects.yaml`)]);
    execFileSync('mkfifo', [guide.path(`${pay}/objects.yaml`)]);
    truncateSync(guide.path(`${cart}/iptables.txt`), 2 ** 40);
    const { status, out } = await run({}, ci);
    expect(status).toBe(1);
    expect(out).toContain('objects.yaml: is not a regular file');
    expect(out).toMatch(/iptables\.txt: has more than \d+ bytes/);
  });

  it('rewrites no terminal with names and contents', async () => {
    guide.write(`${pay}/\u001b[2Jx\n::error::.txt`, '');
    guide.write(`${pay}/endpoints.txt`, '\u001b]0;title\u0007\u202e\n');
    guide.write(`${pay}/flows.txt`, '\u001b[31m -> x\n');
    const { out, err } = await run({}, ci);
    expect(`${out}${err}`.replaceAll('\n', '')).not.toMatch(/\p{Cc}|\p{Cf}/u);
    expect(out).toContain('\\u{1b}');
  });

  it('stops no other case, with whatever is wrong in it', async () => {
    guide.write(`${cart}/objects.yaml`, 'a: &a [*a, *a]\n');
    guide.write(`${cart}/registry.yaml`, 'kind: Nonsense\n');
    const { status, out } = await run({}, ci);
    expect(status).toBe(1);
    expect(out).toContain(`FAIL  ${cart}`);
    expect(out).toContain(`pass  ${pay}`);
  });
});
