import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFakeKernel, type FakeKernel } from '../../backends/netfilter/fake/kernel.ts';
import { parseAddress } from '../../compiler/values/address.ts';
import type { Host } from '../input/inputs.ts';
import { type ApplyOptions, applyCommand } from './apply.ts';
import { kubePrefix } from '../../compiler/settings.ts';
import { systemClock } from '../loop/clock.ts';
import { tryLock } from '../node/node-lock.ts';
import { cleanupCommand } from './cleanup.ts';
import { compileCommand } from './compile.ts';
import { cartOf, createScratch, forge, nodeOf, type Scratch } from './commands.fixture.ts';
import { memoryIo } from '../terminal/memory-io.fixture.ts';
import { planCommand } from './plan.ts';
import { lockDir } from '../../test/helpers/lock-dir.ts';

let scratch: Scratch;
beforeEach(() => {
  scratch = createScratch();
});
afterEach(() => {
  scratch.remove();
});

const here: Host = {
  name: 'east-1',
  addresses: [parseAddress('192.0.2.1')].filter((address) => address !== undefined),
};
const manifests = (...addresses: string[]) => `${nodeOf('192.0.2.1')}---${cartOf(...addresses)}`;
const withoutNotes = (text: string) => text.replace(/^info: .*\n/gm, '');

async function apply(kernel: FakeKernel, text: string, options: Partial<ApplyOptions> = {}) {
  const io = memoryIo(text);
  const status = await applyCommand(
    { filename: ['-'], lockDir, diagnostics: 'human', ...options },
    io,
    kernel.run,
    here,
  );
  return { status, out: io.written.out, err: withoutNotes(io.written.err) };
}

async function plan(kernel: FakeKernel, text: string, out?: string) {
  const io = memoryIo(text);
  const options = { filename: ['-'], against: [], output: 'text', diagnostics: 'human' } as const;
  const status = await planCommand(out === undefined ? options : { ...options, out }, io, kernel.run, here);
  return { status, out: io.written.out };
}

async function cleanup(kernel: FakeKernel, takeOver = false, output: 'text' | 'json' = 'text') {
  const io = memoryIo();
  const status = await cleanupCommand({ takeOver, lockDir, output, diagnostics: 'human' }, io, kernel.run);
  return { status, out: io.written.out, err: io.written.err };
}

/** The rules of a kube-proxy for the same objects. */
async function anotherWriters(kernel: FakeKernel, text: string): Promise<void> {
  const io = memoryIo(text);
  await compileCommand({ filename: ['-'], diagnostics: 'human' }, io);
  kernel.restore('IPv4', io.written.out);
}

const withoutCounters = (save: string) => save.replace(/^#.*\n/gm, '').replace(/\[\d+:\d+\]/g, '');

describe('the documents of apply and cleanup', () => {
  it('say what was done, and that there was nothing to do', async () => {
    const kernel = createFakeKernel();
    const document = async (done: Promise<{ status: number; out: string }>) => {
      const { status, out } = await done;
      const { apiVersion: _version, ...rest } = JSON.parse(out);
      return [status, rest];
    };
    const summary = { add: 1, change: 0, remove: 0, rulesOnly: 0 };
    const written = { family: 'IPv4', isDone: true, done: [expect.stringMatching(/^applied in /)], problems: [] };
    expect(await document(apply(kernel, manifests('10.1.0.5'), { output: 'json' }))).toEqual([
      0,
      { kind: 'ApplyResult', status: 0, summary, families: [written] },
    ]);
    expect(await document(apply(kernel, manifests('10.1.0.5'), { output: 'json' }))).toEqual([
      0,
      {
        kind: 'ApplyResult',
        status: 0,
        summary: { ...summary, add: 0 },
        families: [{ ...written, done: [] }],
      },
    ]);
    const cleaned = await document(cleanup(kernel, false, 'json'));
    expect(cleaned).toEqual([
      0,
      {
        kind: 'CleanupResult',
        status: 0,
        families: [
          { family: 'IPv4', isDone: true, done: [expect.stringContaining('removed')], problems: [] },
          { family: 'IPv6', isDone: true, done: [], problems: [] },
        ],
      },
    ]);
  });

  it('say which Service the kernel refused', async () => {
    const kernel = createFakeKernel('nft', { refuses: (line) => line.includes('10.1.0.5') });
    const { status, out } = await apply(kernel, manifests('10.1.0.5'), { output: 'json' });
    const { families } = JSON.parse(out);
    expect(status).toBe(1);
    expect(families).toMatchObject([{ isDone: false, problems: [expect.objectContaining({ severity: 'error' })] }]);
  });

  it('are refused where somebody would have to be asked', async () => {
    const kernel = createFakeKernel();
    const io = { ...memoryIo(manifests('10.1.0.5')), ask: async () => 'yes' };
    const options = { filename: ['-'], lockDir, diagnostics: 'human', output: 'json' } as const;
    expect(await applyCommand(options, io, kernel.run, here)).toBe(2);
    expect(await applyCommand({ ...options, yes: true }, io, kernel.run, here)).toBe(0);
  });
});

describe('slicewright apply', () => {
  it('makes the kernel hold what is wanted, says what changes, and has nothing to do the next time', async () => {
    const kernel = createFakeKernel();
    const { status, out, err } = await apply(kernel, manifests('10.1.0.5'));
    expect([status, err]).toEqual([0, '']);
    expect(out).toMatch(
      /^IPv4, against the kernel \(nft\): 1 Service with changes for traffic\n {2}\+ shop\/cart: .*\n {2}cost: .*\nIPv4: applied in \d transactions of \d+ lines; read back, the kernel holds the desired rules\n$/,
    );
    expect(kernel.save('IPv4')).toContain('-j DNAT --to-destination 10.1.0.5:8080');
    expect(await apply(kernel, manifests('10.1.0.5'))).toEqual({
      status: 0,
      out: 'IPv4, against the kernel (nft): nothing to do\n',
      err: '',
    });
    expect((await plan(kernel, manifests('10.1.0.5'))).status).toBe(0);
  });

  it.each([
    ['an empty input', ''],
    ['an empty List', '{"apiVersion": "v1", "kind": "List", "items": []}'],
    ['a List of nothing', '{"apiVersion": "v1", "kind": "ServiceList", "items": null}'],
    ['empty documents', '---\n---\n'],
  ])('takes %s for a mistake, and changes nothing, unless it is told to', async (_, text) => {
    const kernel = createFakeKernel();
    await apply(kernel, manifests('10.1.0.5'));
    const before = kernel.save('IPv4');
    const { status, err } = await apply(kernel, text);
    expect([status, kernel.save('IPv4')]).toEqual([1, before]);
    expect(err).toMatch(
      /no object was read, and applying an empty set of objects removes every Service; nothing was changed\. .*--allow-empty/,
    );
    expect((await apply(kernel, text, { allowEmpty: true })).status).toBe(0);
    expect(kernel.save('IPv4')).not.toContain('10.1.0.5');
  });

  it('names the Service that the kernel rejects, and applies the others', async () => {
    const kernel = createFakeKernel('nft', { refuses: (line) => line.includes('10.1.0.66') });
    const other = cartOf('10.1.0.66').replaceAll('cart', 'odd').replaceAll('10.96.0.10', '10.96.0.11');
    const { status, out, err } = await apply(kernel, `${manifests('10.1.0.5')}---${other}`);
    expect(status).toBe(1);
    expect(out).toContain('the kernel holds the desired rules, except for 1 Service port\n');
    expect(err).toMatch(/^error: Service shop\/odd port http: .*its previous rules are still in force/ms);
    expect(kernel.save('IPv4')).toContain('10.1.0.5:8080');
    expect(kernel.save('IPv4')).not.toContain('10.1.0.66');
  });

  it("refuses to replace another program's rules, until it is told to", async () => {
    const kernel = createFakeKernel();
    await anotherWriters(kernel, manifests('10.1.0.5'));
    const before = kernel.save('IPv4');
    const refused = await apply(kernel, manifests('10.1.0.6'));
    expect([refused.status, refused.err]).toEqual([
      1,
      expect.stringMatching(/--take-over[^]*Nothing was changed\.\n$/),
    ]);
    expect(kernel.save('IPv4')).toBe(before);
    expect((await apply(kernel, manifests('10.1.0.6'), { takeOver: true })).status).toBe(0);
    expect(kernel.save('IPv4')).toContain('10.1.0.6:8080');
  });

  it('says what is in force after a failure, and goes on from there', async () => {
    const kernel = createFakeKernel();
    const run: FakeKernel['run'] = (file, args, input) =>
      file.endsWith('-restore') && input !== undefined
        ? Promise.resolve({ exitCode: undefined, stdout: '', stderr: '', failure: 'not-found' })
        : kernel.run(file, args, input);
    const { status, err } = await apply({ ...kernel, run }, manifests('10.1.0.5'));
    expect([status, err]).toEqual([
      1,
      expect.stringMatching(/^error: kernel IPv4: [^]*not installed[^]*still in force/),
    ]);
    expect((await apply(kernel, manifests('10.1.0.5'))).status).toBe(0);
  });

  it.each([
    [
      'whose programs are missing',
      { missing: ['iptables', 'iptables-nft-save', 'iptables-legacy-save'] },
      'not installed',
    ],
    ['that it may not read', { noPrivilege: true }, 'not permitted'],
  ])('says that nothing was changed on a machine %s', async (_, faults, what) => {
    const kernel = createFakeKernel('nft', faults);
    const told = expect.stringMatching(new RegExp(`^error: command \\S+: ${what}[^]*\nNothing was changed\\.\n$`));
    expect([(await apply(kernel, manifests('10.1.0.5'))).err, (await cleanup(kernel)).err]).toEqual([told, told]);
  });

  it('lets node ports on 127.0.0.1 through where a Service has one, and warns when it may not', async () => {
    const kernel = createFakeKernel();
    const nodePort = manifests('10.1.0.5')
      .replace('spec: {', 'spec: {type: NodePort, ')
      .replace('port: 80,', 'port: 80, nodePort: 30080,');
    const written: string[] = [];
    const run: FakeKernel['run'] = (file, args, input) => {
      if (file !== 'sysctl') return kernel.run(file, args, input);
      const isWriting = args[0] === '-w';
      if (isWriting) written.push(args.slice(1).join());
      const stdout = 'net.ipv4.conf.all.route_localnet = 0\n';
      return Promise.resolve({ exitCode: isWriting ? 255 : 0, stdout, stderr: 'sysctl: permission denied\n' });
    };
    expect((await apply({ ...kernel, run }, manifests('10.1.0.5'))).err).toBe('');
    expect(written).toEqual([]);
    const { status, err } = await apply({ ...kernel, run }, nodePort);
    expect(written).toEqual(['net.ipv4.conf.all.route_localnet=1']);
    expect([status, err]).toEqual([
      0,
      expect.stringMatching(
        /is 0 and could not be set to 1: permission denied; .*: sysctl -w .*=1; until then node ports/,
      ),
    ]);
  });
});

describe('one writer', () => {
  it.each(['agent', 'cleanup'] as const)('apply and cleanup leave a node alone on which there is %s', async (role) => {
    const kernel = createFakeKernel();
    await apply(kernel, manifests('10.1.0.5'));
    const before = kernel.save('IPv4');
    const dir = join(scratch.root, 'lock');
    const other = await tryLock({ dir, prefix: kubePrefix, role }, systemClock);
    const refused = await apply(kernel, manifests('10.1.0.6'), { lockDir: dir });
    const who = role === 'agent' ? 'an agent' : 'slicewright cleanup';
    expect([refused.status, refused.out]).toEqual([1, '']);
    expect(refused.err).toMatch(`error: lock ${dir}: ${who} (pid ${process.pid}) runs on this node`);
    expect(kernel.save('IPv4')).toBe(before);
    const forced = await apply(kernel, manifests('10.1.0.6'), { lockDir: dir, force: true });
    expect([forced.status, forced.err]).toEqual([0, expect.stringMatching(/^warning: .*going on because of --force/)]);
    if (other.kind === 'taken') await other.lock.release();
    expect((await apply(kernel, manifests('10.1.0.7'), { lockDir: dir })).err).toBe('');
  });

  it('a folder that nobody could trust is a reason to stop, unless told not to', async () => {
    const kernel = createFakeKernel();
    const lockDir = scratch.put('file', '');
    const refused = await apply(kernel, manifests('10.1.0.5'), { lockDir });
    expect([refused.status, refused.err]).toEqual([1, expect.stringMatching(/^error: file .*is not a folder/)]);
    expect((await apply(kernel, manifests('10.1.0.5'), { lockDir, force: true })).status).toBe(0);
  });
});

describe('slicewright apply --plan', () => {
  const file = () => join(scratch.root, 'plan.json');

  it('performs the plan that was saved, to the line', async () => {
    const kernel = createFakeKernel();
    expect((await plan(kernel, manifests('10.1.0.5'), file())).status).toBe(2);
    const planned = JSON.parse(readFileSync(file(), 'utf8'));
    const { status, out } = await apply(kernel, '', { filename: [], plan: file() });
    expect([status, out]).toEqual([
      0,
      expect.stringMatching(/^IPv4: applied in \d transactions of \d+ lines; read back/m),
    ]);
    const performed = kernel.commands.filter(({ file: name, input }) => name.endsWith('-restore') && input !== '');
    expect(performed).toHaveLength(planned.families[0].steps.length);
    expect((await plan(kernel, manifests('10.1.0.5'))).status).toBe(0);
  });

  it('forgets the UDP connections that the plan named', async () => {
    const kernel = createFakeKernel();
    const dns = (address: string) => manifests(address).replaceAll('TCP', 'UDP');
    await apply(kernel, dns('10.1.0.5'));
    await plan(kernel, dns('10.1.0.6'), file());
    kernel.flows = [
      {
        source: '10.9.0.1',
        destination: '10.96.0.10',
        destinationPort: 80,
        replySource: '10.1.0.5',
        replySourcePort: 8080,
      },
    ];
    const { status, err } = await apply(kernel, '', { filename: [], plan: file() });
    expect([status, err]).toEqual([0, '']);
    expect(kernel.flows).toEqual([]);
  });

  it('is refused whole when the rules have changed since', async () => {
    const kernel = createFakeKernel();
    await plan(kernel, manifests('10.1.0.5'), file());
    await apply(kernel, manifests('10.1.0.6'));
    const before = kernel.save('IPv4');
    const { status, out, err } = await apply(kernel, '', { filename: [], plan: file() });
    expect([status, out]).toEqual([1, expect.stringMatching(/^.*: a plan with digest [0-9a-f]{64}\n$/)]);
    expect(err).toMatch(/have changed since this plan was made[^]*Nothing was changed/);
    expect(kernel.save('IPv4')).toBe(before);
  });

  it('changes no family when one of them has changed since', async () => {
    const kernel = createFakeKernel();
    const both = `${nodeOf('192.0.2.1')}---${cartOf('10.1.0.5')}---${cartOf('fd00:1::5').replaceAll('cart', 'six').replaceAll('10.96.0.10', '"fd00:96::10"').replace('IPv4', 'IPv6').replace('fd00:1::5', '"fd00:1::5"')}`;
    await plan(kernel, both, file());
    expect(JSON.parse(readFileSync(file(), 'utf8')).families).toHaveLength(2);
    kernel.restore('IPv6', '*nat\n:KUBE-SERVICES - [0:0]\nCOMMIT\n');
    const { status, out, err } = await apply(kernel, '', { filename: [], plan: file(), takeOver: true });
    expect([status, out]).toEqual([1, expect.not.stringContaining('IPv')]);
    expect(err).toContain('error: kernel IPv6: the tables have changed');
    expect(kernel.save('IPv4')).not.toContain('KUBE-');
  });

  it.each([
    ['a rule of another chain', '-A INPUT -j ACCEPT'],
    ['a chain of the kernel that is emptied', ':INPUT'],
    ['a rule that slicewright has no words for', '-A KUBE-SERVICES -j LOG'],
    ['a rule with a line break', '-A KUBE-SERVICES -j ACCEPT\nCOMMIT'],
    ['a deleted chain of others', '-X DOCKER'],
    ['another command', '-F'],
  ])('refuses a file with %s', async (_, line) => {
    const kernel = createFakeKernel();
    await plan(kernel, manifests('10.1.0.5'), file());
    forge(file(), (text) => {
      const saved = JSON.parse(text);
      const [table] = saved.families[0].steps[0].document.tables;
      if (line.startsWith(':')) table.declared.push(line.slice(1));
      else table.lines.push(line);
      return JSON.stringify(saved);
    });
    const before = kernel.save('IPv4');
    const { status, err } = await apply(kernel, '', { filename: [], plan: file() });
    expect([status, err]).toEqual([1, expect.stringContaining('slicewright would not write')]);
    expect(kernel.save('IPv4')).toBe(before);
  });

  it.each([
    ['a changed line', /--dport 80 /, '--dport 81 ', 'families.0.steps.1 was changed'],
    ['another result', /"result": "./, '"result": "f', 'families.0.result was changed'],
    ['another prefix', /"kind": "Plan"/, '"kind": "Plan", "chainPrefix": "SLWR"', 'chainPrefix was added'],
    ['a changed digest', /"plan": "./, '"plan": "x', 'digest.plan: is not a hexadecimal SHA-256'],
    ['another digest', /"plan": "[^"]*"/, `"plan": "${'0'.repeat(64)}"`, 'digest.plan is not the digest'],
  ])('refuses a file with %s, and says what differs', async (_, found, put, what) => {
    const kernel = createFakeKernel();
    await plan(kernel, manifests('10.1.0.5'), file());
    const text = readFileSync(file(), 'utf8');
    expect(text).toMatch(found);
    writeFileSync(file(), text.replace(found, put));
    const { status, err } = await apply(kernel, '', { filename: [], plan: file() });
    expect([status, err]).toEqual([1, expect.stringContaining(what)]);
    expect(kernel.save('IPv4')).not.toContain('KUBE-');
  });

  it('refuses steps in another order, and one that is missing', async () => {
    const kernel = createFakeKernel();
    await plan(kernel, manifests('10.1.0.5'), file());
    const saved = JSON.parse(readFileSync(file(), 'utf8'));
    const [family] = saved.families;
    const wrote = (steps: unknown) =>
      writeFileSync(file(), JSON.stringify({ ...saved, families: [{ ...family, steps }] }));
    wrote(family.steps.toReversed());
    const turned = await apply(kernel, '', { filename: [], plan: file() });
    expect([turned.status, turned.err]).toEqual([
      1,
      expect.stringContaining('families.0.steps stand in another order'),
    ]);
    wrote(family.steps.slice(1));
    const short = await apply(kernel, '', { filename: [], plan: file() });
    expect([short.status, short.err]).toEqual([1, expect.stringMatching(/families\.0\.steps: \d are there, \d were/)]);
    expect(kernel.save('IPv4')).not.toContain('KUBE-');
  });

  it('performs the plan whose digest was reviewed, and no other', async () => {
    const kernel = createFakeKernel();
    const { out } = await plan(kernel, manifests('10.1.0.5'), file());
    const digest = /plan\.json: the plan, with digest ([0-9a-f]{64})$/m.exec(out)?.[1] ?? '';
    const path = join(scratch.root, 'other.json');
    await plan(kernel, manifests('10.1.0.6'), path);
    const other = await apply(kernel, '', { filename: [], plan: path, planDigest: digest });
    expect([other.status, other.out, other.err]).toEqual([
      1,
      '',
      expect.stringContaining(`--plan-digest says ${digest}`),
    ]);
    expect(kernel.save('IPv4')).not.toContain('KUBE-');
    const { status, out: told } = await apply(kernel, '', { filename: [], plan: file(), planDigest: digest });
    expect([status, told]).toEqual([0, expect.stringContaining(`plan.json: a plan with digest ${digest}\n`)]);
  });

  it('refuses what is no plan, with the place', async () => {
    const path = scratch.put(
      'plan.json',
      JSON.stringify({ apiVersion: 'slicewright.dev/v1alpha1', kind: 'Plan', families: [{ family: 'IPv5' }] }),
    );
    const without = await apply(createFakeKernel(), '', { filename: [], plan: path });
    expect([without.status, without.err]).toEqual([1, expect.stringContaining(`error: file ${path} digest: `)]);
    forge(path, (text) => text);
    const { status, err } = await apply(createFakeKernel(), '', { filename: [], plan: path });
    expect(status).toBe(1);
    expect(err).toContain(`error: file ${path} families.0.family: `);
  });
});

describe('slicewright cleanup', () => {
  const foreign =
    '*filter\n:INPUT ACCEPT [0:0]\n:DOCKER - [0:0]\n-A INPUT -s 203.0.113.9/32 -j DROP\n-A DOCKER -j RETURN\nCOMMIT\n';

  it('removes all of ours and nothing else, once', async () => {
    const kernel = createFakeKernel();
    kernel.load('IPv4', foreign);
    const before = withoutCounters(kernel.save('IPv4'));
    await apply(kernel, manifests('10.1.0.5'));
    expect(withoutCounters(kernel.save('IPv4'))).not.toBe(before);
    const { status, out } = await cleanup(kernel);
    expect([status, out]).toEqual([
      0,
      expect.stringMatching(
        /^IPv4: \d+ chains and \d+ hooks removed from the nft tables in \d transactions\nIPv6: no slicewright rules found\n$/,
      ),
    ]);
    expect(kernel.save('IPv4')).not.toMatch(/KUBE-|SLICEWRIGHT/);
    expect(kernel.save('IPv4')).toContain('-A INPUT -s 203.0.113.9/32 -j DROP');
    expect((await cleanup(kernel)).out).toBe('IPv4: no slicewright rules found\nIPv6: no slicewright rules found\n');
  });

  describe('with rules of other programs that jump to slicewright chains', () => {
    const hostPort = '*nat\n:HOSTPORTS - [0:0]\n-A HOSTPORTS -s 10.1.0.9/32 -j KUBE-MARK-MASQ\nCOMMIT\n';
    const kept =
      'error: kernel IPv4: nat KUBE-MARK-MASQ is not removed, with KUBE-POSTROUTING: HOSTPORTS jumps to it ' +
      "(-A HOSTPORTS -s 10.1.0.9/32 -j KUBE-MARK-MASQ), and slicewright leaves other programs' rules in place; " +
      'once no rule jumps there, cleanup removes it [cleanup-chain-in-use]\n';

    it('names what stays and why, each time, and removes it when it may', async () => {
      const kernel = createFakeKernel();
      await apply(kernel, manifests('10.1.0.5'));
      kernel.restore('IPv4', hostPort);
      const first = await cleanup(kernel);
      expect([first.status, first.err]).toEqual([1, kept]);
      expect(first.out).toMatch(/^IPv4: \d+ chains and \d+ hooks removed from the nft tables in \d transactions\nIPv6/);
      const between = kernel.save('IPv4');
      expect(await cleanup(kernel)).toEqual({ status: 1, out: 'IPv6: no slicewright rules found\n', err: kept });
      expect(kernel.save('IPv4')).toBe(between);
      kernel.load('IPv4', between.replace(/^-A HOSTPORTS .*\n/m, ''));
      expect(await cleanup(kernel)).toMatchObject({ status: 0, err: '' });
      expect(kernel.save('IPv4')).not.toMatch(/KUBE-|SLICEWRIGHT/);
    });

    it('cleans the other kind of tables all the same', async () => {
      const kernel = createFakeKernel('nft');
      await apply(kernel, manifests('10.1.0.5'));
      kernel.load('IPv4', kernel.save('IPv4', 'nft'), 'legacy');
      kernel.restore('IPv4', hostPort);
      expect(await cleanup(kernel)).toMatchObject({ status: 1, err: kept });
      expect(kernel.save('IPv4', 'legacy')).not.toContain('KUBE-');
    });

    it('counts what went, and says what is empty', async () => {
      const kernel = createFakeKernel();
      await apply(kernel, manifests('10.1.0.5'));
      kernel.restore('IPv4', '*filter\n:AUDIT - [0:0]\n-A AUDIT -s 192.0.2.1/32 -j KUBE-FORWARD\nCOMMIT\n');
      const { status, out, err } = await cleanup(kernel);
      expect([status, err]).toEqual([
        1,
        expect.stringContaining('filter KUBE-FORWARD stays, empty: AUDIT jumps to it ('),
      ]);
      expect(out).toContain('hooks removed, 1 chain emptied from the nft tables');
    });
  });

  it('does not let neighbours in for node ports on 127.0.0.1 where the rules are not in force', async () => {
    const kernel = createFakeKernel();
    await anotherWriters(kernel, manifests('10.1.0.5'));
    const written: string[] = [];
    const run: FakeKernel['run'] = (file, args, input) => {
      if (file !== 'sysctl') return kernel.run(file, args, input);
      if (args[0] === '-w') written.push(args.slice(1).join());
      return Promise.resolve({ exitCode: 0, stdout: 'net.ipv4.conf.all.route_localnet = 0\n', stderr: '' });
    };
    const nodePort = manifests('10.1.0.5')
      .replace('spec: {', 'spec: {type: NodePort, ')
      .replace('port: 80,', 'port: 80, nodePort: 30080,');
    expect((await apply({ ...kernel, run }, nodePort)).status).toBe(1);
    expect(written).toEqual([]);
  });

  it('says so where the configuration takes that rule out', async () => {
    const kernel = createFakeKernel();
    const run: FakeKernel['run'] = (file, args, input) =>
      file === 'sysctl'
        ? Promise.resolve({ exitCode: 0, stdout: 'net.ipv4.conf.all.route_localnet = 1\n', stderr: '' })
        : kernel.run(file, args, input);
    await apply({ ...kernel, run }, manifests('10.1.0.5'));
    const config = scratch.put(
      'kp.yaml',
      'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nclusterCIDR: 10.1.0.0/16\niptables: {localhostNodePorts: false}\n',
    );
    const { status, err } = await apply({ ...kernel, run }, manifests('10.1.0.5'), { config });
    expect([status, err]).toEqual([
      0,
      expect.stringContaining('warning: sysctl net.ipv4.conf.all.route_localnet: is still 1'),
    ]);
    expect((await apply({ ...kernel, run }, manifests('10.1.0.5'), { config })).err).toBe('');

    await apply({ ...kernel, run }, manifests('10.1.0.5'));
    const io = memoryIo(manifests('10.1.0.5'));
    const saved = join(scratch.root, 'plan.json');
    const planning = {
      filename: ['-'],
      against: [],
      output: 'text',
      diagnostics: 'human',
      config,
      out: saved,
    } as const;
    expect(await planCommand(planning, io, run, here)).toBe(2);
    expect((await apply({ ...kernel, run }, '', { filename: [], plan: saved })).err).toContain('is still 1');
  });

  it('says where the rule goes that kept neighbours from 127.0.0.1, and what it was for stays', async () => {
    const kernel = createFakeKernel();
    const machine = { routed: '1' };
    const run: FakeKernel['run'] = (file, args, input) => {
      if (file !== 'sysctl') return kernel.run(file, args, input);
      return Promise.resolve({
        exitCode: 0,
        stdout: `net.ipv4.conf.all.route_localnet = ${machine.routed}\n`,
        stderr: '',
      });
    };
    await apply({ ...kernel, run }, manifests('10.1.0.5'));
    const { status, err } = await cleanup({ ...kernel, run });
    expect([status, err]).toEqual([
      0,
      expect.stringMatching(
        /^warning: sysctl \S+route_localnet: is still 1.*CVE-2020-8558.*sysctl -w \S+route_localnet=0 \[route-localnet-open\]\n$/,
      ),
    ]);
    expect((await cleanup({ ...kernel, run })).err).toBe('');
    machine.routed = '0';
    await apply({ ...kernel, run }, manifests('10.1.0.5'));
    expect((await cleanup({ ...kernel, run })).err).toBe('');
  });

  it("leaves another program's rules, unless told to take over", async () => {
    const kernel = createFakeKernel();
    await anotherWriters(kernel, manifests('10.1.0.5'));
    const before = kernel.save('IPv4');
    const left = await cleanup(kernel);
    expect([left.status, left.out.split('\n')[0]]).toEqual([
      0,
      "IPv4: no slicewright rules found; the KUBE-* chains in the nft tables are another program's; --take-over removes them too",
    ]);
    expect(kernel.save('IPv4')).toBe(before);
    expect((await cleanup(kernel, true)).status).toBe(0);
    expect(kernel.save('IPv4')).not.toContain('KUBE-');
  });

  it('empties the tables of both modes', async () => {
    const kernel = createFakeKernel('nft');
    await apply(kernel, manifests('10.1.0.5'));
    kernel.load('IPv4', kernel.save('IPv4', 'nft'), 'legacy');
    const { status, out } = await cleanup(kernel);
    expect(status).toBe(0);
    expect(out).toMatch(/from the nft tables[^]*from the legacy tables/);
    expect(kernel.save('IPv4', 'legacy')).not.toContain('KUBE-');
  });
});
