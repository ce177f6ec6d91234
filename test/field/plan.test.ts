import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { planCommand } from '../../agent/commands/plan.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';

const root = fileURLToPath(new URL('.', import.meta.url));

/** What `plan` prints of a case against what the node held. */
async function planOf(name: string, against: string, objects = 'objects.yaml'): Promise<string> {
  const io = memoryIo();
  const path = (file: string) => `${root}cases/${name}/${file}`;
  const status = await planCommand(
    {
      filename: [path(objects)],
      node: path('node.yaml'),
      config: `${root}config.yaml`,
      backend: 'iptables',
      against: [path(against)],
      output: 'text',
      diagnostics: 'human',
    },
    io,
    () => Promise.reject(new Error('a dump needs no kernel')),
    { name: 'node-a', addresses: [] },
  );
  expect(status).toBe(2);
  return io.written.out;
}

describe('taking over from a kube-proxy before 1.24', () => {
  const name = '67-plan-against-old-kube-proxy-dump';
  const deletedIn = (text: string) =>
    text
      .split('\n')
      .flatMap((line) => /^nat (KUBE-\S+) .*deleted$/.exec(line)?.[1] ?? [])
      .sort();
  const services = ['KUBE-SEP-AAAAAAAAAAAAAAAA', 'KUBE-SVC-BBBBBBBBBBBBBBBB', 'KUBE-XLB-BBBBBBBBBBBBBBBB'];

  it.each(['old.save', 'l.save'])('all of its chains go (%s), and others’ are not touched', async (against) => {
    const text = await planOf(name, against);
    expect(deletedIn(text)).toEqual(['KUBE-MARK-DROP', ...services]);
    expect(text).not.toMatch(/^\w+ (DOCKER|cali-PREROUTING)/m);
  });

  it('what a kubelet makes too stays, and is named', async () => {
    const text = await planOf(name, 'kubelet.save');
    expect(deletedIn(text)).toEqual(services);
    expect(text).toContain('  nat KUBE-MARK-DROP keeps its rules: kubelet uses it too\n');
  });
});

describe('externalTrafficPolicy Local where all endpoints are on this node', () => {
  it('is told: clients keep their address from then on', async () => {
    const text = await planOf('42-etp-switch-all-local', 'before', 'after.yaml');
    expect(text.split('\n').filter((line) => /^ {2}[-+~=!] /.test(line))).toEqual([
      '  ~ shop/edge: http loadbalancer IP 203.0.113.42:80/TCP, node port 30742/TCP: outside clients and pods now keep their address',
      '  + shop/edge: http health check node port 30342/TCP: new, let in',
      '  ! shop/edge:http: outside clients and pods now keep their address (loadbalancer IP 203.0.113.42:80/TCP and 1 more)',
    ]);
  });
});
