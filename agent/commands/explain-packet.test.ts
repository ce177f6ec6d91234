import { describe, expect, it } from 'vitest';
import { explainPacketCommand } from './explain-packet.ts';
import { cartOf, nodeOf } from './commands.fixture.ts';
import { memoryIo } from '../terminal/memory-io.fixture.ts';

const manifests = `${nodeOf('192.0.2.1')}---${cartOf('10.1.0.5', '10.1.0.6')}`;

async function explain(packet: string, backend: 'iptables' | 'ipvs') {
  const io = memoryIo(manifests);
  const status = await explainPacketCommand(packet, { filename: ['-'], backend, diagnostics: 'human' }, io);
  const [verdict = '', trace = ''] = io.written.out.split('\n\n');
  return { status, verdict, trace };
}

describe('slicewright explain packet', () => {
  it.each([
    ['iptables', /^nat KUBE-SVC-\w{16} \[1\/2\]: .*-> 10\.1\.0\.5:8080/m],
    ['ipvs', /^virtual server 10\.96\.0\.10:80\/TCP \[1\/2\]: .*-r 10\.1\.0\.5:8080/m],
  ] as const)('tells the shares and the rules of the %s program', async (backend, rule) => {
    const { status, verdict, trace } = await explain('pod 10.1.0.9 -> 10.96.0.10:80/tcp', backend);
    expect([status, verdict]).toEqual([0, '1/2 to 10.1.0.5:8080\n1/2 to 10.1.0.6:8080']);
    expect(trace).toMatch(rule);
  });

  it('tells what no rule is about', async () => {
    expect((await explain('outside 198.51.100.1 -> 10.96.0.99:80/tcp', 'iptables')).verdict).toBe('untouched');
  });

  it('knows what is no packet', async () => {
    expect((await explain('pod 10.1.0.9 10.96.0.10:80', 'iptables')).status).toBeUndefined();
  });
});
