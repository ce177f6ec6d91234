import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kubePrefix, parseChainPrefix } from '../../../compiler/settings.ts';
import { address, clusterIP, endpoint, makeIR, makeNode, service } from '../../../test/helpers/ir.ts';
import { modeOf, planeOf, scopeFor } from '../../../test/helpers/scope.ts';
import type { CommandResult, Run } from '../../command.ts';
import type { Target } from '../../target.ts';
import { createFakeNft } from '../fake/fake-nft.ts';
import { factsOf, NftError } from './errors.ts';
import { servicePortIn } from './parts.ts';

const { live, backend } = modeOf('nftables');

const kubeProxyTables = readFileSync(
  new URL('../../../test/conformance/cases/059-mix/expected.nft', import.meta.url),
  'utf8',
);

function cart(...endpoints: string[]) {
  const ir = makeIR(
    [clusterIP('10.96.0.1', 80)],
    endpoints.map((text) => endpoint(text)),
  );
  return { ...ir, hash: endpoints.join() as typeof ir.hash };
}

function other(...endpoints: string[]) {
  const ir = makeIR(
    [clusterIP('10.96.0.2', 53)],
    endpoints.map((text) => endpoint(text)),
    {
      id: 'shop/dns:http/TCP/IPv4' as ReturnType<typeof cart>['id'],
      service: service('shop/dns'),
      affinity: { kind: 'clientIP', seconds: 60 },
    },
  );
  return { ...ir, hash: endpoints.join() as typeof ir.hash };
}

function target(...services: Target['services']): Target {
  return { services, node: makeNode({ addresses: [address('192.168.0.10')] }) };
}

function cart6() {
  const ir = makeIR([clusterIP('fd00:96::1', 80)], [endpoint('[fd00:1::1]:80')], {
    id: 'shop/cart:http/TCP/IPv6' as ReturnType<typeof cart>['id'],
  });
  return { ...ir, family: 'IPv6' as const };
}

/** As nft 1.0.6 lists them. A base chain after slicewright's, a chain that another jumps to and an accept decide nothing before. */
const othersTables = `table inet fw {
	set big {
		type ipv4_addr
	}

	chain first {
		type filter hook prerouting priority raw; policy accept;
		ip daddr 10.96.0.1 counter packets 3 bytes 180 drop comment "we accept it"
		ip6 daddr fd00::1 drop
		ip saddr { 192.0.2.1, 192.0.2.2,
			   192.0.2.3 } log prefix "x" reject
		ip saddr 192.0.2.9 accept comment "instead of a drop here"
		jump second
	}

	chain second {
		tcp dport 80 drop
	}

	chain passing {
		type filter hook forward priority filter; policy drop;
		ct state vmap { invalid : drop }
	}

	chain after {
		type filter hook forward priority filter + 10; policy accept;
		drop
	}

	chain nat {
		type nat hook prerouting priority dstnat - 10; policy accept;
		dnat ip to 203.0.113.4
	}
}
table ip nat {
	chain PREROUTING {
		type nat hook prerouting priority dstnat; policy accept;
		tcp dport 80 redirect to :8080
		xt target "DNAT"
	}
}
table netdev dev {
	chain in {
		type filter hook ingress device "lo" priority filter; policy accept;
		drop
	}
}
`;

const textOf = (wanted: Target) => backend.make(wanted).text();

/** Refuses every document that holds a text, as the kernel rejects the line with that text. */
function refusing(text: string, run: Run, why = 'Could not process rule: Operation not supported'): Run {
  return async (file, args, input = '') => {
    const line = input.split('\n').findIndex((one) => one.includes(text));
    if (line < 0) return run(file, args, input);
    const stderr = `/dev/stdin:${line + 1}:1-9: Error: ${why}\n`;
    return { exitCode: 1, stdout: '', stderr };
  };
}

describe('a plane', () => {
  it('makes a table in one document, and a change without reading anything', async () => {
    const fake = createFakeNft();
    const plane = planeOf('nftables', { run: fake.run });
    const first = await plane.sync(target(cart('10.1.0.1:80'), other('10.1.0.2:53')), 'full');
    expect(first).toMatchObject({ documents: 1, drift: [], quarantined: [] });
    expect(fake.ruleset()).toBe(textOf(target(cart('10.1.0.1:80'), other('10.1.0.2:53'))));
    const before = fake.calls.length;
    const second = await plane.sync(target(cart('10.1.0.9:80'), other('10.1.0.2:53')), 'delta');
    expect(second).toMatchObject({ depth: 'delta', documents: 1, lines: 4 });
    expect(fake.calls.slice(before)).toEqual(['-f']);
    expect(fake.ruleset()).toBe(textOf(target(cart('10.1.0.9:80'), other('10.1.0.2:53'))));
  });

  it('has a delta refused as a whole where somebody changed what it is about, and reads then', async () => {
    const fake = createFakeNft();
    const plane = planeOf('nftables', { run: fake.run });
    await plane.sync(target(cart('10.1.0.1:80')), 'full');
    fake.write('delete element ip slicewright endpoints/tcp { 10.96.0.1 . 80 . 0 }\n');
    const sync = await plane.sync(target(cart('10.1.0.9:80')), 'delta');
    expect(sync).toMatchObject({ depth: 'full', deltaRefused: true });
    expect(fake.ruleset()).toBe(textOf(target(cart('10.1.0.9:80'))));
  });

  it('names the very elements and rules that somebody changed, and puts them right', async () => {
    const fake = createFakeNft();
    const plane = planeOf('nftables', { run: fake.run });
    await plane.sync(target(cart('10.1.0.1:80')), 'full');
    fake.write('delete element ip slicewright cluster-ips { 10.96.0.1 }\nadd rule ip slicewright refuse accept\n');
    const { drift } = await plane.sync(target(cart('10.1.0.1:80')), 'full');
    expect(drift).toEqual([
      { where: 'chain refuse', lost: [], added: ['accept'] },
      { where: 'set cluster-ips', lost: ['10.96.0.1'], added: [] },
    ]);
    expect(fake.ruleset()).toBe(textOf(target(cart('10.1.0.1:80'))));
  });

  it('sees a new table by one look, and a changed one by reading it; what is right is read once', async () => {
    const fake = createFakeNft();
    const plane = planeOf('nftables', { run: fake.run });
    const callsOf = async (wanted: Target) => {
      const before = fake.calls.length;
      await plane.sync(wanted, 'full');
      return fake.calls.slice(before).filter((call) => ['list table', 'list set', '-f'].includes(call));
    };
    const reading = ['list table', 'list table'];
    expect(await callsOf(target(cart('10.1.0.1:80')))).toEqual([...reading, '-f', 'list set']);
    expect(await callsOf(target(cart('10.1.0.1:80')))).toEqual(reading);
    expect(await callsOf(target(cart('10.1.0.9:80')))).toEqual([...reading, '-f', ...reading]);
  });

  it('reads before the objects are there, and its first sync does not read again', async () => {
    const fake = createFakeNft();
    const wanted = target(cart('10.1.0.1:80'));
    await planeOf('nftables', { run: fake.run }).sync(wanted, 'full');
    const plane = planeOf('nftables', { run: fake.run });
    plane.beginReading?.();
    const listings = () => fake.calls.filter((call) => call === 'list table').length;
    const before = listings();
    expect(await plane.sync(wanted, 'full')).toMatchObject({ depth: 'full', documents: 0 });
    expect(listings()).toBe(before);
    expect(await plane.sync(wanted, 'full')).toMatchObject({ depth: 'full', documents: 0, drift: [] });
    expect(listings()).toBe(before + 2);
  });

  it('applies what is wanted where another program changed the table after an early reading', async () => {
    const fake = createFakeNft();
    await planeOf('nftables', { run: fake.run }).sync(target(cart('10.1.0.1:80')), 'full');
    const plane = planeOf('nftables', { run: fake.run });
    plane.beginReading?.();
    fake.write('delete table ip slicewright\n');
    const wanted = target(cart('10.1.0.9:80'));
    await plane.sync(wanted, 'full');
    expect(fake.ruleset()).toBe(textOf(wanted));
  });

  it('on its way to another mode looks for a table, and does not list tables that are not there', async () => {
    const fake = createFakeNft();
    expect(await live.remains(fake.run, scopeFor(), { writesTables: true })).toBeUndefined();
    expect(fake.calls).toEqual(['list set', 'list set']);
    await planeOf('nftables', { run: fake.run }).sync(target(cart('10.1.0.1:80')), 'full');
    expect(await live.remains(fake.run, scopeFor(), { writesTables: true })).toMatchObject({
      text: expect.stringMatching(/^nftables mode goes: table ip slicewright/) as string,
    });
    // A table without that set is there all the same.
    fake.write('delete table ip slicewright\ncreate table ip slicewright\n');
    expect(await live.remains(fake.run, scopeFor(), { writesTables: true })).toBeDefined();
  });

  it('finds in the same full sync what another writer changed after it was read, be it elsewhere or all', async () => {
    const fake = createFakeNft();
    const wanted = target(cart('10.1.0.1:80'), other('10.1.0.2:53'));
    const elsewhere = 'delete element ip slicewright cluster-ips { 10.96.0.2 }\n';
    const all = 'delete table ip slicewright\n';
    let pending: string | undefined;
    /** Writes as soon as the next document is taken. */
    const rival: Run = async (file, args, input) => {
      const result = await fake.run(file, args, input);
      if (args[0] === '-f' && pending !== undefined) fake.write(pending);
      if (args[0] === '-f') pending = undefined;
      return result;
    };
    const plane = planeOf('nftables', { run: rival });
    pending = all;
    const made = await plane.sync(wanted, 'full');
    expect(made).toMatchObject({
      documents: 2,
      remarks: ['another program changed the table 1 time during a write'],
    });
    expect(fake.ruleset()).toBe(textOf(wanted));
    pending = elsewhere;
    const changed = target(cart('10.1.0.9:80'), other('10.1.0.2:53'));
    expect(await plane.sync(changed, 'full')).toMatchObject({ documents: 2 });
    expect(fake.ruleset()).toBe(textOf(changed));
  });

  it('takes an answer of the kernel for one about what is written, where a reading shows that nobody wrote', async () => {
    const fake = createFakeNft();
    const complaint = 'Could not process rule: No such file or directory';
    // A kernel that lacks what affinity needs complains about the line that needs it.
    const plane = planeOf('nftables', { run: refusing('affinity', fake.run, complaint) });
    const sync = await plane.sync(target(cart('10.1.0.1:80'), other('10.1.0.2:53')), 'full');
    expect(sync.quarantined).toMatchObject([{ service: 'shop/dns:http', message: expect.stringContaining(complaint) }]);
    expect(fake.ruleset()).toBe(textOf(target(cart('10.1.0.1:80'))));
    // For a line of no Service, leaving out a Service does not help: the kernel's complaint is reported as it is.
    const without = planeOf('nftables', { run: refusing('masquerade', createFakeNft().run, complaint) });
    await expect(without.sync(target(cart('10.1.0.1:80')), 'full')).rejects.toThrow(complaint);
  });

  it('tells once of rules of others that decide before its own, which stay', async () => {
    let others = othersTables;
    const fake = createFakeNft({ others: () => others });
    const plane = planeOf('nftables', { run: fake.run });
    const wanted = target(cart('10.1.0.1:80'));
    const before = (where: string) => `table ${where} (rules of other programs that come first)`;
    const drift = [
      {
        where: before('inet fw, chain first'),
        lost: [],
        added: [
          'ip daddr 10.96.0.1 counter drop comment "we accept it"',
          'ip saddr { 192.0.2.1, 192.0.2.2, 192.0.2.3 } log prefix "x" reject',
        ],
        stays: true,
      },
      {
        where: before('inet fw, chain passing'),
        lost: [],
        added: ['policy drop', 'ct state vmap { invalid : drop }'],
        stays: true,
      },
      { where: before('inet fw, chain nat'), lost: [], added: ['dnat ip to 203.0.113.4'], stays: true },
      {
        where: before('ip nat, chain PREROUTING'),
        lost: [],
        added: ['tcp dport 80 redirect to :8080', 'xt target "DNAT"'],
        stays: true,
      },
    ];
    expect((await plane.sync(wanted, 'full')).drift).toEqual(drift);
    // Packets count on, and that is nothing new.
    others = others.replace('packets 3 bytes 180', 'packets 4 bytes 240');
    expect((await plane.sync(wanted, 'full')).drift).toEqual([]);
    others = others.replace('redirect to :8080', 'redirect to :9090');
    expect((await plane.sync(wanted, 'full')).drift).toEqual([
      { ...drift[3], added: ['tcp dport 80 redirect to :9090'] },
    ]);
    expect(fake.ruleset()).toBe(textOf(wanted));
    const calls = fake.calls.length;
    await plane.sync(target(cart('10.1.0.9:80')), 'delta');
    expect(fake.calls.slice(calls)).toEqual(['-f']);
  });

  it('tells in IPv6 of what is for IPv6', async () => {
    const fake = createFakeNft({ others: () => othersTables });
    const plane = planeOf('nftables', { run: fake.run, family: 'IPv6' });
    const wanted = { services: [cart6()], node: makeNode({ family: 'IPv6', addresses: [address('fd00::10')] }) };
    const told = (await plane.sync(wanted, 'full')).drift.flatMap(({ added }) => added);
    expect(told).toEqual(['ip6 daddr fd00::1 drop', 'policy drop', 'ct state vmap { invalid : drop }']);
  });

  it('goes on where chains of others cannot be listed', async () => {
    const refused: CommandResult = { exitCode: 1, stdout: '', stderr: 'Error: syntax error, unexpected chains\n' };
    const fake = createFakeNft({ fault: (_, args) => (args[1] === 'chains' ? refused : undefined) });
    const sync = await planeOf('nftables', { run: fake.run }).sync(target(cart('10.1.0.1:80')), 'full');
    expect(sync).toMatchObject({ documents: 1, drift: [] });
  });

  it('sees at a glance, of one small set, that the ruleset was flushed', async () => {
    const fake = createFakeNft();
    const plane = planeOf('nftables', { run: fake.run });
    await plane.sync(target(cart('10.1.0.1:80')), 'full');
    const before = fake.calls.length;
    expect(await plane.glance()).toBeUndefined();
    fake.write('delete table ip slicewright\n');
    expect(await plane.glance()).toBe('table ip slicewright');
    expect(fake.calls.slice(before)).toEqual(['list set', 'list set']);
  });

  it('holds back a Service that the kernel rejects, which keeps what it has, and serves the others', async () => {
    const fake = createFakeNft();
    const plane = planeOf('nftables', { run: refusing('10.1.0.13', fake.run) });
    await plane.sync(target(cart('10.1.0.1:80'), other('10.1.0.2:53')), 'full');
    for (const depth of ['full', 'delta'] as const) {
      const fresh = depth === 'full' ? '10.1.0.7:80' : '10.1.0.8:80';
      const sync = await plane.sync(target(cart(fresh), other('10.1.0.13:53')), depth);
      expect(sync.quarantined).toMatchObject([{ service: 'shop/dns:http' }]);
      expect(fake.ruleset()).toBe(textOf(target(cart(fresh), other('10.1.0.2:53'))));
    }
  });

  it('counts changes of others while a Service is held back, and takes nothing of what that one still needs', async () => {
    const fake = createFakeNft();
    const plane = planeOf('nftables', { run: refusing('10.1.0.13', fake.run) });
    // Two ports of one address, each with one endpoint: they share an element, a chain and a map.
    const web = (...endpoints: string[]) => ({
      ...makeIR(
        [clusterIP('10.96.0.1', 443)],
        endpoints.map((text) => endpoint(text)),
        { id: 'shop/web:https/TCP/IPv4' as never, service: service('shop/web'), portName: 'https' as never },
      ),
      hash: endpoints.join() as never,
    });
    const before = target(cart('10.1.0.1:80'), web('10.1.0.2:443'));
    const refused = target(cart('10.1.0.1:80'), web('10.1.0.13:443'));
    await plane.sync(before, 'full');
    expect(await plane.sync(refused, 'delta')).toMatchObject({
      depth: 'full',
      quarantined: [{ service: 'shop/web:https' }],
    });

    const steps = [[cart('10.1.0.1:80', '10.1.0.3:80')], [], [cart('10.1.0.4:80')]].map((own) => ({
      wanted: target(...own, web('10.1.0.13:443')),
      inForce: target(...own, web('10.1.0.2:443')),
    }));
    let last = refused;
    for (const { wanted, inForce } of steps) {
      const [now] = wanted.services;
      const change = now?.service === 'shop/cart' ? now : ('gone' as const);
      const since = { services: last.services, changes: new Map([[cart().id, change]]) };
      const calls = fake.calls.length;
      expect(await plane.sync({ ...wanted, since }, 'delta')).toMatchObject({
        depth: 'delta',
        documents: 1,
        drift: [],
      });
      expect(fake.calls.slice(calls)).toEqual(['-f']);
      expect(fake.ruleset()).toBe(textOf(inForce));
      last = wanted;
    }
    // Its own change is tried at once.
    const mended = target(cart('10.1.0.4:80'), web('10.1.0.5:443'));
    const since = { services: last.services, changes: new Map(mended.services.slice(1).map((ir) => [ir.id, ir])) };
    const done = await plane.sync({ ...mended, since }, 'delta');
    expect(done).toMatchObject({ depth: 'delta', quarantined: [], released: ['shop/web:https'] });
    expect(fake.ruleset()).toBe(textOf(mended));
    expect((await plane.sync(mended, 'full')).drift).toEqual([]);
  });

  it('removes chains apart where the kernel calls those busy that it has just freed', async () => {
    const fake = createFakeNft({ holdsFreed: true });
    const plane = planeOf('nftables', { run: fake.run });
    await plane.sync(target(cart('10.1.0.1:80'), other('10.1.0.2:53')), 'full');
    const sync = await plane.sync(target(cart('10.1.0.1:80')), 'delta');
    expect(sync).toMatchObject({ depth: 'delta', documents: 2 });
    expect(fake.ruleset()).toBe(textOf(target(cart('10.1.0.1:80'))));
  });

  it('takes its table away where the family is used no more', async () => {
    const fake = createFakeNft();
    const plane = planeOf('nftables', { run: fake.run });
    await plane.sync(target(cart('10.1.0.1:80')), 'full');
    await plane.sync({ services: [], node: makeNode({ addresses: [] }) }, 'full');
    expect(fake.ruleset()).toBe('');
  });

  it('says what is in force when nft is killed: what was before', async () => {
    const killed: CommandResult = { exitCode: undefined, stdout: '', stderr: '', failure: 'killed' };
    const fake = createFakeNft({ fault: (_, args) => (args[0] === '-f' ? killed : undefined) });
    const plane = planeOf('nftables', { run: fake.run });
    await expect(plane.sync(target(cart('10.1.0.1:80')), 'full')).rejects.toThrow(
      /nft was terminated before it finished/,
    );
    expect(fake.ruleset()).toBe('');
  });

  it('reads what a transaction meets that came in between, and goes on; somebody who never stops is told of', async () => {
    const fake = createFakeNft();
    let writes = 0;
    const disturbed =
      (times: number): Run =>
      async (file, args, input) => {
        const result = await fake.run(file, args, input);
        if (args[1] === 'table' && args[3] === 'slicewright' && writes < times) {
          writes++;
          fake.write(fake.ruleset() === '' ? 'create table ip slicewright\n' : 'delete table ip slicewright\n');
        }
        return result;
      };
    await planeOf('nftables', { run: disturbed(1) }).sync(target(cart('10.1.0.1:80')), 'full');
    expect(fake.ruleset()).toBe(textOf(target(cart('10.1.0.1:80'))));
    await expect(planeOf('nftables', { run: disturbed(99) }).sync(target(cart('10.1.0.9:80')), 'full')).rejects.toThrow(
      /another program keeps changing|No such file|File exists/,
    );
  });
});

describe("a kube-proxy's table", () => {
  it('is left alone until told to take over, and goes in the document that brings the new one', async () => {
    const fake = createFakeNft({ ruleset: kubeProxyTables });
    const before = fake.ruleset();
    await expect(planeOf('nftables', { run: fake.run }).sync(target(cart('10.1.0.1:80')), 'full')).rejects.toThrow(
      /kube-proxy/,
    );
    expect(fake.ruleset()).toBe(before);
    const sync = await planeOf('nftables', { run: fake.run, takeOver: true }).sync(target(cart('10.1.0.1:80')), 'full');
    expect(sync).toMatchObject({ documents: 1 });
    expect(fake.ruleset()).toBe(textOf(target(cart('10.1.0.1:80'))));
  });

  it('stays beside a proxy with a name of its own', async () => {
    const fake = createFakeNft({ ruleset: kubeProxyTables });
    const prefix = parseChainPrefix('SLWR') ?? kubePrefix;
    await planeOf('nftables', { run: fake.run, prefix }).sync(
      { services: [cart('10.1.0.1:80')], node: makeNode({ chainPrefix: prefix }) },
      'full',
    );
    expect(fake.ruleset()).toContain('table ip kube-proxy {');
    expect(fake.ruleset()).toContain('table ip SLWR {');
  });

  it('is compared Service by Service in a plan', async () => {
    const fake = createFakeNft({ ruleset: kubeProxyTables });
    const kernel = await live.observe(fake.run, scopeFor('IPv4', { takeOver: true }), true);
    const changes = kernel?.plan(target(cart('10.1.0.1:80')), { before: undefined, isToBeApplied: true }).changes();
    expect(changes?.dangers.map(({ code }) => code)).toContain('another-writer');
    expect(changes?.frontends.map(({ servicePort }) => servicePort)).toEqual(
      expect.arrayContaining(['shop/cart:http', 'kube-system/kube-dns:dns', 'shop/shop:https']),
    );
  });
});

describe('commands', () => {
  const options = { before: undefined, isToBeApplied: true };

  const texts = [
    'table inet fw, chain first: ip daddr 10.96.0.1 counter drop comment "we accept it"',
    'table inet fw, chain first: ip saddr { 192.0.2.1, 192.0.2.2, 192.0.2.3 } log prefix "x" reject',
    'table inet fw, chain passing: policy drop',
    'table inet fw, chain passing: ct state vmap { invalid : drop }',
    'table inet fw, chain nat: dnat ip to 203.0.113.4',
    'table ip nat, chain PREROUTING: tcp dport 80 redirect to :8080',
    'table ip nat, chain PREROUTING: xt target "DNAT"',
  ];

  it.each(['of the kernel', 'of a dump'])('a plan %s names rules of others that are asked before', async (place) => {
    const wanted = target(cart('10.1.0.1:80'));
    const fake = createFakeNft({ others: () => othersTables });
    const text = `${othersTables}${textOf(wanted)}`;
    const observed =
      place === 'of the kernel'
        ? await live.observe(fake.run, scopeFor(), true)
        : live.readDump({ kind: 'file', path: 'dump', text }, kubePrefix).observed[0];
    expect(observed?.inFront()).toEqual(texts);
    const dangers = observed?.plan(wanted, options).changes().dangers;
    expect(dangers?.map(({ code, message }) => `${code}: ${message}`)).toEqual([
      `foreign-in-front: 2 rules of other programs come before slicewright's in table inet fw, chain first and may decide first: ip daddr 10.96.0.1 counter drop comment "we accept it"`,
      `foreign-in-front: 2 rules of other programs come before slicewright's in table inet fw, chain passing and may decide first: policy drop`,
      `foreign-in-front: another program's rule comes before slicewright's in table inet fw, chain nat and may decide first: dnat ip to 203.0.113.4`,
      `foreign-in-front: 2 rules of other programs come before slicewright's in table ip nat, chain PREROUTING and may decide first: tcp dport 80 redirect to :8080`,
    ]);
  });

  it('a take-over removes the table of a kube-proxy also in a family that nobody uses', async () => {
    const fake = createFakeNft({ ruleset: kubeProxyTables });
    const unused = { services: [], node: makeNode({ addresses: [] }) };
    expect(await live.observe(fake.run, scopeFor(), false)).toBeUndefined();
    const kernel = await live.observe(fake.run, scopeFor('IPv4', { takeOver: true }), false);
    expect(kernel?.plan(unused, options).hasSteps).toBe(true);
    expect(await kernel?.apply(unused)).toMatchObject({ isDone: true });
    expect(fake.ruleset()).toBe('');
  });

  it('a plan that is saved is performed as it was saved, and only there', async () => {
    const fake = createFakeNft();
    const kernel = await live.observe(fake.run, scopeFor(), true);
    const plan = kernel?.plan(target(cart('10.1.0.1:80'), other('10.1.0.2:53')), options);
    const loaded = await live.loadPlan(JSON.parse(JSON.stringify(plan?.saved())), kubePrefix);
    if (loaded.kind !== 'plan') throw new Error(JSON.stringify(loaded.problems));
    const start = await loaded.start(fake.run, scopeFor());
    expect(start.refusal).toBeUndefined();
    expect(await start.perform()).toMatchObject({ isDone: true, problems: [] });
    expect(fake.ruleset()).toBe(textOf(target(cart('10.1.0.1:80'), other('10.1.0.2:53'))));
    expect((await loaded.start(fake.run, scopeFor())).refusal).toMatchObject({ code: 'apply-changed' });
  });

  it('a plan that is saved is not called done where another writer came in between', async () => {
    const fake = createFakeNft();
    const kernel = await live.observe(fake.run, scopeFor(), true);
    const saved = kernel?.plan(target(cart('10.1.0.1:80')), options).saved();
    const loaded = await live.loadPlan(JSON.parse(JSON.stringify(saved)), kubePrefix);
    if (loaded.kind !== 'plan') throw new Error(JSON.stringify(loaded.problems));
    const flushing: Run = async (file, args, input) => {
      const result = await fake.run(file, args, input);
      if (input !== undefined) await fake.run('nft', ['-f', '-'], 'delete table ip slicewright\n');
      return result;
    };
    const start = await loaded.start(flushing, scopeFor());
    expect(await start.perform()).toMatchObject({
      isDone: false,
      done: undefined,
      problems: [{ code: 'apply-disturbed', message: expect.stringContaining('plan again') }],
    });
  });

  it.each([
    ['another table', (text: string) => text.replaceAll('"table":"slicewright"', '"table":"filter"')],
    ['a rule that slicewright does not write', (text: string) => text.replace('"line":"reject"', '"line":"log"')],
    [
      'a second command in a rule',
      (text: string) => text.replace('"line":"reject"', '"line":"reject\\nflush ruleset"'),
    ],
    ['an element that is none', (text: string) => text.replace('"10.96.0.1"', '"10.96.0.1 }; flush ruleset"')],
    ['a name that is none', (text: string) => text.replaceAll('"refuse"', '"refuse; flush ruleset"')],
  ])('a plan with %s is refused', async (_, change) => {
    const plan = live.nothing(scopeFor(), 'nothing').plan(target(cart('10.1.0.1:80')), options);
    const text = JSON.stringify(plan.saved());
    expect(change(text)).not.toBe(text);
    expect(await live.loadPlan(JSON.parse(change(text)), kubePrefix)).toMatchObject({ kind: 'refused' });
  });

  it('reads a dump as text, and says what would change', () => {
    const wanted = target(cart('10.1.0.1:80'));
    const { observed, problems } = live.readDump({ kind: 'file', path: 'dump', text: textOf(wanted) }, kubePrefix);
    expect(problems).toEqual([]);
    expect(observed.map((one) => one.plan(wanted, { ...options, isToBeApplied: false }).hasSteps)).toEqual([false]);
    const cut = live.readDump({ kind: 'file', path: 'dump', text: textOf(wanted).slice(0, -30) }, kubePrefix);
    expect(cut.problems).toMatchObject([{ code: 'bad-dump' }]);
  });

  it('leaves nothing where another mode follows, and at a clean-up', async () => {
    const fake = createFakeNft({ ruleset: kubeProxyTables });
    const prefix = parseChainPrefix('SLWR') ?? kubePrefix;
    const scope = scopeFor('IPv4', { prefix });
    await planeOf('nftables', { run: fake.run, prefix }).sync(
      { services: [cart('10.1.0.1:80')], node: makeNode({ chainPrefix: prefix }) },
      'full',
    );
    const remains = await live.remains(fake.run, scope, { writesTables: true });
    expect(remains?.text).toMatch(/^nftables mode goes: table ip SLWR with \d+ chains and \d+ elements$/);
    expect(await remains?.leave()).toMatchObject({ isDone: true });
    expect(fake.ruleset()).not.toContain('SLWR');
    expect(await live.clean(fake.run, scopeFor())).toMatchObject({
      state: 'nothing',
      others: expect.stringContaining('kube-proxy'),
    });
    expect(await live.clean(fake.run, scopeFor('IPv4', { takeOver: true }))).toMatchObject({ state: 'removed' });
    expect(fake.ruleset()).toBe('');
  });
});

describe('what nft complains of', () => {
  it.each([
    ['/dev/stdin:3:45-53: Error: Could not process rule: File exists', { reason: 'exists', line: 3 }],
    ['/dev/stdin:1:20-26: Error: No such file or directory', { reason: 'missing', line: 1 }],
    ['/dev/stdin:7:1-9: Error: Could not process rule: Device or resource busy', { reason: 'busy', line: 7 }],
    ['/dev/stdin:1:1-25: Error: Could not process rule: Too many links', { reason: 'refused', line: 1 }],
    ['/dev/stdin:2:8-8: Error: syntax error, unexpected newline', { reason: 'not-understood', line: 2 }],
    ['/dev/stdin:5:1-8: Error: Could not process rule: Too many open files in system', { reason: 'refused', line: 5 }],
    ['netlink: Error: Could not process rule: Message too long', { reason: 'too-large' }],
    ['netlink: Error: Could not process rule: No buffer space available', { reason: 'many-complaints' }],
    ['netlink: Error: Could not process rule: Cannot allocate memory', { reason: 'no-memory' }],
    ['utils.c:38: Memory allocation failure', { reason: 'no-memory' }],
    ['netlink: Error: cache initialization failed: Operation not permitted', { reason: 'no-privilege' }],
    ['Operation not permitted (you must be root)', { reason: 'no-privilege' }],
  ])('%s', (stderr, facts) => {
    expect(factsOf({ exitCode: 1, stdout: '', stderr: `${stderr}\nwhat was written\n^^^^\n` })).toEqual(facts);
  });

  it('is an absence where there is no nft', () => {
    expect(new NftError('IPv4', { reason: 'missing-tool' }, '').isAbsence).toBe(true);
  });
});

it.each([
  ['cluster/shop/cart/tcp/http', 'shop/cart:http'],
  ['endpoint/shop/cart/tcp/10.0.0.1/80', 'shop/cart'],
  ['affinity/shop/cart/clusterset/sctp/http/fd00..1/80', 'shop/cart@clusterset:http'],
  ['spread/tcp/2', undefined],
])('%s is of %s', (name, servicePort) => {
  expect(servicePortIn(name)).toBe(servicePort);
});
