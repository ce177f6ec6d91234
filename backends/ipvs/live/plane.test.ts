import { describe, expect, it } from 'vitest';
import { createFakeIpvsKernel, type FakeIpvsKernel } from '../fake/kernel.ts';
import { service, slice, node } from '../../../test/helpers/kubernetes.ts';
import { compileObjects } from '../../../test/helpers/compile.ts';
import { parseAddress, parseCidr } from '../../../compiler/values/address.ts';
import { planeOf } from '../../../test/helpers/scope.ts';
import type { Target } from '../../target.ts';

const isDefined = <T>(value: T | undefined): value is T => value !== undefined;
const here = node('n1', { addresses: ['192.168.0.1'] });
const web = (...addresses: string[]) => [service('web'), slice('web', 'web-x', addresses)];
const api = (...addresses: string[]) => [service('api', { clusterIP: '10.96.0.2' }), slice('api', 'api-x', addresses)];

function wanted(...objects: readonly unknown[]): Target {
  const { services, node: contexts } = compileObjects([here, ...objects]);
  return { services: services.IPv4, node: contexts.IPv4 };
}

function plane(kernel: FakeIpvsKernel, nowMs = () => 0) {
  return planeOf('ipvs', { run: kernel.run, nowMs });
}

/** `-t 10.96.0.1:80 → 10.1.0.1:8080 10.1.0.2:8080`, without those that are on their way out. */
function serving(kernel: FakeIpvsKernel): string[] {
  return [...kernel.servers.values()]
    .map(({ name, reals }) => {
      const used = [...reals].filter(([, { weight }]) => weight > 0).map(([real]) => real);
      return `${name} → ${used.sort().join(' ')}`;
    })
    .sort();
}

describe('a kernel with IPVS', () => {
  it('is brought to what is wanted, change by change', async () => {
    const kernel = createFakeIpvsKernel();
    const sut = plane(kernel);
    await sut.sync(wanted(...web('10.1.0.1')), 'full');
    expect(serving(kernel)).toEqual(['-t 10.96.0.1:80 → 10.1.0.1:8080']);
    await sut.sync(wanted(...web('10.1.0.2'), ...api('10.1.0.3')), 'delta');
    expect(serving(kernel)).toEqual(['-t 10.96.0.1:80 → 10.1.0.2:8080', '-t 10.96.0.2:80 → 10.1.0.3:8080']);
    const same = wanted(...web('10.1.0.2'), ...api('10.1.0.3'));
    // The look at what leaves.
    expect(await sut.sync(same, 'delta')).toMatchObject({ documents: 2, againInMs: undefined });
    expect(await sut.sync(same, 'delta')).toMatchObject({ documents: 0, quarantined: [] });
  });

  it('is taken over but for virtual servers in ranges that are excluded', async () => {
    const kernel = createFakeIpvsKernel();
    const excludeCidrs = [parseCidr('10.96.7.0/24')].filter(isDefined);
    const taking = planeOf('ipvs', { run: kernel.run, takeOver: true, excludeCidrs });
    kernel.link = ['10.96.0.8', '10.96.7.8'].map(parseAddress).filter(isDefined);
    for (const address of kernel.link) {
      await kernel.run('ipvsadm', ['--restore'], `-A -t ${address}:25 -s rr\n`);
    }
    await taking.sync(wanted(...web('10.1.0.1')), 'full');
    expect(serving(kernel)).toEqual(['-t 10.96.0.1:80 → 10.1.0.1:8080', '-t 10.96.7.8:25 → ']);
  });

  it('whose settings may not be written is told of with the command for whoever may', async () => {
    const kernel = createFakeIpvsKernel();
    const run: FakeIpvsKernel['run'] = (file, args, input) =>
      file === 'sysctl' && args[0] === '-p'
        ? Promise.resolve({
            exitCode: 1,
            stdout: '',
            stderr: 'sysctl: permission denied on key "net.ipv4.vs.conntrack"\n',
          })
        : kernel.run(file, args, input);
    await expect(plane({ ...kernel, run }).sync(wanted(...web('10.1.0.1')), 'full')).rejects.toThrow(
      /could not be set; as root on the node: sysctl -w net\.ipv4\.vs\.conntrack=1 .*; sysctl: permission denied/,
    );
    expect(serving(kernel)).toEqual([]);
  });

  it('that someone else changed is set right, and what was missing is named', async () => {
    const kernel = createFakeIpvsKernel();
    const sut = plane(kernel);
    const same = wanted(...web('10.1.0.1', '10.1.0.2'));
    expect((await sut.sync(same, 'full')).drift).toEqual([]);
    await kernel.run('ipvsadm', ['--restore'], '-d -t 10.96.0.1:80 -r 10.1.0.2:8080\n');
    expect(serving(kernel)).toEqual(['-t 10.96.0.1:80 → 10.1.0.1:8080']);
    const { drift } = await sut.sync(same, 'full');
    expect(JSON.stringify(drift)).toContain('10.1.0.2:8080');
    expect(serving(kernel)).toEqual(['-t 10.96.0.1:80 → 10.1.0.1:8080 10.1.0.2:8080']);
  });

  it('that refuses one Service keeps it as it was, serves the others, and is asked again later', async () => {
    const kernel = createFakeIpvsKernel();
    let ms = 0;
    const sut = plane(kernel, () => ms);
    await sut.sync(wanted(...web('10.1.0.1'), ...api('10.1.0.3')), 'full');
    kernel.faults = { refuses: (file, line) => file === 'ipvsadm' && line.includes('10.1.0.66') };
    const refused = wanted(...web('10.1.0.66'), ...api('10.1.0.4'));
    expect((await sut.sync(refused, 'delta')).quarantined).toMatchObject([
      { service: 'default/web', retryInMs: 30_000 },
    ]);
    expect(serving(kernel)).toEqual(['-t 10.96.0.1:80 → 10.1.0.1:8080', '-t 10.96.0.2:80 → 10.1.0.4:8080']);

    kernel.faults = {};
    expect((await sut.sync(refused, 'full')).quarantined).toHaveLength(1);
    ms = 30_000;
    expect(await sut.sync(refused, 'full')).toMatchObject({ quarantined: [], released: ['default/web'] });
    expect(serving(kernel)).toEqual(['-t 10.96.0.1:80 → 10.1.0.66:8080', '-t 10.96.0.2:80 → 10.1.0.4:8080']);
  });
});
