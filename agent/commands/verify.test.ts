import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cartOf, createScratch, nodeOf, type Scratch } from './commands.fixture.ts';
import { memoryIo } from '../terminal/memory-io.fixture.ts';
import { verifyCommand } from './verify.ts';

let scratch: Scratch;
beforeEach(() => {
  scratch = createScratch();
});
afterEach(() => {
  scratch.remove();
});

describe('slicewright verify', () => {
  it.each(['iptables', 'ipvs'] as const)('tries every probe on the %s program', async (backend) => {
    const io = memoryIo(cartOf('10.1.0.5', '10.1.0.6'));
    const node = scratch.put('node.yaml', nodeOf('192.0.2.1'));
    const status = await verifyCommand({ filename: ['-'], node, backend, output: 'text', diagnostics: 'human' }, io);
    expect(io.written.out).toBe(
      'IPv4: 1 Service port, all probes get the expected result\nIPv6: 0 Service ports, all probes get the expected result\n',
    );
    expect(status).toBe(0);
  });

  it('verifies nothing for a warning with --strict', async () => {
    const io = memoryIo(cartOf('10.1.0.300'));
    expect(await verifyCommand({ filename: ['-'], strict: true, output: 'text', diagnostics: 'human' }, io)).toBe(1);
    expect(io.written.out).toBe('');
  });

  it('counts the chosen Services alone, and has a document for programs', async () => {
    const [cart, other] = [memoryIo(cartOf('10.1.0.5')), memoryIo(cartOf('10.1.0.5'))];
    const options = { filename: ['-'], diagnostics: 'human' } as const;
    expect(await verifyCommand({ ...options, output: 'json', selector: '!none', namespace: 'shop' }, cart)).toBe(0);
    expect(JSON.parse(cart.written.out)).toEqual({
      apiVersion: 'slicewright.dev/v1alpha1',
      kind: 'ProgramVerification',
      families: [
        { family: 'IPv4', result: 'equal', servicePorts: 1, mismatches: [] },
        { family: 'IPv6', result: 'equal', servicePorts: 0, mismatches: [] },
      ],
    });
    expect(await verifyCommand({ ...options, output: 'text', services: ['shop/other'] }, other)).toBe(0);
    expect(other.written.out).toMatch(/^IPv4: 0 Service ports/);
    const wrong = memoryIo(cartOf('10.1.0.5'));
    expect(await verifyCommand({ ...options, output: 'text', services: ['cart'] }, wrong)).toBe(2);
  });
});
