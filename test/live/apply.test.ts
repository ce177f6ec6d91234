import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cleanupCommand } from '../../agent/commands/cleanup.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import { assemble } from '../../backends/assemble.ts';
import type { Run } from '../../backends/command.ts';
import { iptables } from '../../backends/iptables/index.ts';
import { ownChains } from '../helpers/scope.ts';
import { observe, planLive, type Target } from '../../backends/netfilter/live/observation.ts';
import { apply, failureOf, nothing, oursIn, servicesWith, target, textOf } from '../helpers/apply.ts';
import { address, cidr, clusterIP, endpoint, makeIR, makeNode, service } from '../helpers/ir.ts';
import { bootNetwork, type Network } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { eventually } from '../helpers/eventually.ts';
import { describeIn } from '../place.ts';
import { emptyHost } from '../tables/scratch.ts';
import { lockDir } from '../helpers/lock-dir.ts';

const { lacks } = await probeSupport();
const foreign = `*mangle
:THEIRS - [0:0]
COMMIT
*filter
:AUDIT - [0:0]
-A INPUT -i eth9 -p tcp -m tcp --dport 22 -j ACCEPT
-A AUDIT -m limit --limit 5/min -j LOG --log-prefix "audit: "
-A FORWARD -j AUDIT
COMMIT
*nat
-A POSTROUTING -s 10.1.0.0/16 -o eth9 -j MASQUERADE
COMMIT
`;

for (const mode of ['nft', 'legacy'] as const) {
  describeIn(
    'network namespace',
    lacks.namespaces ?? lacks[mode] ?? lacks.conntrack,
    `applying to ${mode} tables`,
    () => {
      let network: Network;
      let run: Run;
      let before: string;

      beforeAll(async () => {
        network = await bootNetwork(emptyHost);
      });
      afterAll(() => network.close());
      beforeEach(async () => {
        run = network.run('scratch');
        // Without --noflush: whatever a test left is gone.
        await succeed(run, `iptables-${mode}-restore`, [], foreign);
        before = await saved();
      });

      const saved = async () => (await run(`iptables-${mode}-save`, [])).stdout.replace(/^#.*\n|\[\d+:\d+\]/gm, '');
      const ours = async () => oursIn(await saved());
      const change = (text: string) => succeed(run, `iptables-${mode}-restore`, ['--noflush'], text);
      /** The next apply converges, and taking all away leaves what was there before. */
      const converges = async (wanted: Target) => {
        await apply(run, wanted);
        expect(await ours()).toBe(textOf(wanted));
        const again = await observe(run, 'IPv4', ownChains);
        expect(planLive(again, wanted, ownChains).steps).toEqual([]);
        expect(again.tools.mode).toBe(mode);
        await apply(run, nothing);
        expect(await saved()).toBe(before);
      };

      it('converges, and removes all of it and nothing else', async () => {
        await apply(run, target(...servicesWith(2)));
        await converges(target(...servicesWith(3)));
        expect((await apply(run, nothing)).documents).toBe(0);
      });

      it('cleans up around a rule of others that needs the mark, and says so each time', async () => {
        const hostPorts = ':HOSTPORTS - [0:0]\n-A HOSTPORTS -s 10.1.0.9/32 -j KUBE-MARK-MASQ';
        await apply(run, target(...servicesWith(2)));
        await change(`*nat\n${hostPorts}\nCOMMIT\n`);
        const cleanup = async () => {
          const io = memoryIo();
          return { status: await cleanupCommand({ lockDir, diagnostics: 'human' }, io, run), ...io.written };
        };
        const first = await cleanup();
        expect(first.out).toMatch(/^IPv4: \d+ chains and \d+ hooks removed from the /);
        const left = await saved();
        const lines = left.split('\n').filter((line) => /KUBE-/.test(line));
        const chains = lines.flatMap((line) => /^:(\S+)/.exec(line)?.[1] ?? []);
        expect(chains.sort()).toEqual(['KUBE-MARK-MASQ', 'KUBE-POSTROUTING']);
        expect(lines).toContain('-A HOSTPORTS -s 10.1.0.9/32 -j KUBE-MARK-MASQ');
        expect(lines.filter((line) => line.startsWith('-A KUBE-POSTROUTING'))).toHaveLength(3);
        const again = await cleanup();
        for (const { status, err } of [first, again]) {
          expect([status, err]).toEqual([1, expect.stringContaining('nat KUBE-MARK-MASQ is not removed')]);
        }
        expect([again.out, await saved()]).toEqual(['IPv6: no slicewright rules found\n', left]);
        await succeed(run, `iptables-${mode}`, ['-t', 'nat', '-F', 'HOSTPORTS'], '');
        expect((await cleanup()).status).toBe(0);
        expect((await saved()).replace(/^:HOSTPORTS .*\n/m, '')).toBe(before);
      });

      it('edits long chains in place', async () => {
        const many = Array.from({ length: 60 }, (_, i) =>
          makeIR([clusterIP(`10.96.1.${i + 1}`, 80)], [endpoint(`10.1.9.${i + 1}:80`)], {
            service: service(`shop/s${i}`),
            affinity: { kind: 'clientIP', seconds: 60 },
          }),
        );
        await apply(run, target(...many));
        const { lines } = await apply(run, target(...many.filter((_, i) => ![0, 7, 30, 59].includes(i))));
        expect(lines).toBeLessThan(40);
        expect((await apply(run, target(...many))).lines).toBeLessThan(40);
        await converges(target(...many));
      });

      it('does the same for IPv6, in tables of its own', async () => {
        const node = makeNode({
          family: 'IPv6',
          addresses: [address('fd00:192::1')],
          nodeIP: address('fd00:192::1'),
          localDetector: { kind: 'source', cidr: cidr('fd00:12::/64') },
        });
        const dns = (...endpoints: string[]): Target => {
          const services = [
            makeIR(
              [clusterIP('fd00:96::a', 53)],
              endpoints.map((text) => endpoint(text)),
              { family: 'IPv6', protocol: 'UDP' },
            ),
          ];
          return { program: assemble(iptables, services, node).program, services };
        };
        const saved6 = async () => (await run(`ip6tables-${mode}-save`, [])).stdout;
        // Where no rule of anybody tells the mode, the machine's own choice does.
        const theirs = '-A INPUT -s fd00:77::/64 -j DROP';
        await succeed(run, `ip6tables-${mode}-restore`, [], `*filter\n${theirs}\nCOMMIT\n`);
        await apply(run, dns('[fd00:12::1]:53', '[fd00:12::2]:53'), {}, 'IPv6');
        const flow = '-p udp -t 300 -s fd00:9::1 -d fd00:96::a --reply-src fd00:12::2 --reply-dst fd00:9::1';
        const ports = '--sport 5000 --dport 53 --reply-port-src 53 --reply-port-dst 5000';
        await succeed(run, 'conntrack', `-I ${flow} ${ports}`.split(' '), '');
        const { forgotten } = await apply(run, dns('[fd00:12::1]:53'), {}, 'IPv6');
        expect(forgotten).toEqual({ found: 1, problem: undefined });
        expect(oursIn(await saved6(), 'IPv6')).toBe(textOf(dns('[fd00:12::1]:53')));
        expect(await saved()).toBe(before);
        await apply(run, nothing, {}, 'IPv6');
        expect(await saved6()).not.toMatch(/KUBE|SLICEWRIGHT/);
        expect(await saved6()).toContain(theirs);
      });

      // Outside the initial user namespace nft mode takes only short transactions, and does not say how short.
      it('cuts a large program as short as it must be', async () => {
        const many = Array.from({ length: 300 }, (_, i) =>
          makeIR(
            [clusterIP(`10.96.${Math.floor(i / 200)}.${(i % 200) + 1}`, 80)],
            [1, 2, 3].map((k) => endpoint(`10.${k}.9.${(i % 200) + 1}:80`)),
            { service: service(`shop/s${i}`) },
          ),
        );
        await apply(run, target(...many));
        await converges(target(...many.slice(1)));
      });

      describe('faults', () => {
        const wanted = target(...servicesWith(3));
        beforeEach(() => apply(run, target(...servicesWith(2))));

        it('a Service that the kernel rejects keeps its rules, all others are applied', async () => {
          // Where packets are translated, the kernel has no use for a target of POSTROUTING.
          const refusing = onRestore(run, (text) =>
            text.replace(/(-A \S+).*DNAT --to-destination 10\.1\.2\.3:.*/g, '$1 -j MASQUERADE'),
          );
          const { quarantined } = await apply(refusing, wanted);
          expect(quarantined.map(({ service: name }) => name)).toEqual(['shop/bee:http']);
          const expected = servicesWith(3).map((one, i) => (i === 1 ? (servicesWith(2)[1] ?? one) : one));
          expect(await ours()).toBe(textOf(target(...expected)));
          await converges(wanted);
        });

        it('a lock that is held for long: waited for, then given up; nft mode has none', async () => {
          const impatient: Run = (file, args, input) => run(file, args.map(sooner), input);
          const hold = 'echo $$ >/run/holder; exec sleep 600';
          const held = run('flock', ['--no-fork', '/run/xtables.lock', 'sh', '-c', hold]);
          await eventually(async () => expect((await run('test', ['-s', '/run/holder'])).exitCode).toBe(0));
          const end = await apply(impatient, wanted).then(() => 'applied', String);
          expect(end).toMatch(mode === 'nft' ? /^applied$/ : /lock[^]*The previous rules are still in force\.$/);
          expect(await ours()).toBe(textOf(mode === 'nft' ? wanted : target(...servicesWith(2))));
          await succeed(run, 'sh', ['-c', 'kill "$(cat /run/holder)"; rm /run/holder'], '');
          await held;
          await converges(wanted);
        });

        it('killed after its first table', async () => {
          const other = target(...servicesWith(0));
          const killed: Run = (file, args, input = '') => {
            if (!file.endsWith('-restore')) return run(file, args, input);
            const lines = input.split('\n').indexOf('COMMIT') + 1;
            // Its input stays open until it is gone, which is when the first table is in force.
            const restore = `exec 3> >(exec ${[file, ...args].join(' ')})`;
            const isIn = `${file.replace('restore', 'save')} -t filter | grep -q 'has no endpoints'`;
            const script = `${restore}; restoring=$!; head -n ${lines} >&3
              until ${isIn}; do sleep 0.05; done; kill -KILL $restoring; wait $restoring`;
            return run('bash', ['-c', script], input).then((result) =>
              result.exitCode === 137 ? { ...result, exitCode: undefined, failure: 'killed' } : result,
            );
          };
          const error = await failureOf(apply(killed, other));
          expect(error.reason).toBe('interrupted');
          expect(error.inForce).toContain('its previous or its new rules');
          // Table filter already refuses, and table nat still translates: the old fate.
          expect(await ours()).toContain('has no endpoints');
          expect(await ours()).toContain('DNAT');
          await converges(other);
        });

        it('a save that is cut short', async () => {
          const cutting: Run = async (file, args, input) => {
            const result = await run(file, args, input);
            return file.endsWith('-save') ? { ...result, stdout: result.stdout.slice(0, -60) } : result;
          };
          await expect(apply(cutting, wanted)).rejects.toThrow('cut short');
          expect(await ours()).toBe(textOf(target(...servicesWith(2))));
          await converges(wanted);
        });

        it.each([
          ['flushes a chain', '*nat\n:KUBE-SERVICES - [0:0]\nCOMMIT\n'],
          [
            'deletes a hook',
            '*nat\n-D PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES\nCOMMIT\n',
          ],
          [
            'adds a rule to a chain',
            '*nat\n-I KUBE-SERVICES -s 192.0.2.9/32 -m limit --limit 3/sec -j RETURN\nCOMMIT\n',
          ],
          ['repeats a hook', '*filter\n-I INPUT -j KUBE-FIREWALL\nCOMMIT\n'],
          [
            'adds a chain of our name',
            '*nat\n:KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]\n-A KUBE-SVC-AAAAAAAAAAAAAAAA -j RETURN\nCOMMIT\n',
          ],
        ])('another writer %s between two applies', async (_, text) => {
          await change(text);
          expect(await ours()).not.toBe(textOf(target(...servicesWith(2))));
          await converges(target(...servicesWith(2)));
        });

        it('another writer during an apply', async () => {
          let isDone = false;
          const disturbing: Run = async (file, args, input) => {
            const result = await run(file, args, input);
            if (file.endsWith('-restore') && !isDone) {
              isDone = true;
              await change('*nat\n:KUBE-SERVICES - [0:0]\nCOMMIT\n');
            }
            return result;
          };
          expect((await apply(disturbing, wanted)).disturbances).toBe(1);
          await converges(wanted);
        });

        it('a missing program', async () => {
          const missing: Run = (file, args, input) =>
            run(file.endsWith('-restore') ? `${file}-gone` : file, args, input);
          const error = await failureOf(apply(missing, wanted));
          expect(error.reason).toBe('missing-tool');
          expect(error.message).toContain(`iptables-${mode}-restore`);
          expect(error.inForce).toBe('The previous rules are still in force.');
          await converges(wanted);
        });

        it('no privilege', async () => {
          const drop = ['--bounding-set', '-all', '--inh-caps', '-all', '--ambient-caps', '-all'];
          const denied: Run = (file, args, input) =>
            file.endsWith('-save') ? run(file, args, input) : run('setpriv', [...drop, file, ...args], input);
          const error = await failureOf(apply(denied, wanted));
          expect(error.reason).toBe('no-privilege');
          expect(error.message).toContain('CAP_NET_ADMIN');
          expect(await ours()).toBe(textOf(target(...servicesWith(2))));
          await converges(wanted);
        });
      });

      it('takes over from kube-proxy only when told to, and in place', async () => {
        await change(textOf(target(...servicesWith(2))));
        const theirs = await saved();
        const error = await failureOf(apply(run, target(...servicesWith(3))));
        expect(error.reason).toBe('another-writer');
        expect(await saved()).toBe(theirs);
        await apply(run, target(...servicesWith(3)), { takeOver: true });
        await converges(target(...servicesWith(3)));
      });

      const noConntrack = lacks.conntrack;
      it.skipIf(noConntrack !== undefined)(
        'forgets UDP connections to endpoints that are gone, and keeps all others',
        async () => {
          const udp = (endpoints: number) => servicesWith(endpoints, { protocol: 'UDP' });
          await apply(run, target(...udp(2)));
          const flows = [
            ['10.96.0.1', '10.1.1.1'],
            ['10.96.0.1', '10.1.1.2'],
            ['10.96.0.2', '10.1.2.2'],
            ['10.96.0.9', '10.1.1.2'],
          ];
          for (const [i, [destination = '', source = '']] of flows.entries()) {
            const ports = `--sport ${5000 + i} --dport 80 --reply-port-src 8080 --reply-port-dst ${5000 + i}`;
            const addresses = `-s 10.9.0.1 -d ${destination} --reply-src ${source} --reply-dst 10.9.0.1`;
            await succeed(run, 'conntrack', `-I -p udp -t 300 ${addresses} ${ports}`.split(' '), '');
          }
          const { forgotten } = await apply(run, target(...udp(1)));
          expect(forgotten).toEqual({ found: 2, problem: undefined });
          const left = (await run('conntrack', ['-L', '-p', 'udp'])).stdout;
          expect(
            [...left.matchAll(/dst=(10\.96\S+) .*src=(10\.1\.\S+)/g)].map((match) => match.slice(1).join(' ')).sort(),
          ).toEqual(['10.96.0.1 10.1.1.1', '10.96.0.9 10.1.1.2']);
          await converges(target(...udp(1)));
        },
      );
    },
  );
}

/** A second instead of five, so that a test does not wait for long. */
const sooner = (arg: string): string => (arg === '5' ? '1' : arg);

function onRestore(run: Run, edit: (text: string) => string): Run {
  return (file, args, input) => run(file, args, file.endsWith('-restore') && input !== undefined ? edit(input) : input);
}

async function succeed(run: Run, file: string, args: readonly string[], input: string): Promise<void> {
  const { exitCode, stderr } = await run(file, args, input);
  if (exitCode !== 0) throw new Error(`${file}: ${stderr}`);
}
