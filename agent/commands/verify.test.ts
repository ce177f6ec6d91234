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
    const status = await verifyCommand({ filename: ['-'], node, backend, diagnostics: 'human' }, io);
    expect(io.written.out).toBe(
      'IPv4: 1 Service port, every probe is treated as it should be\nIPv6: 0 Service ports, every probe is treated as it should be\n',
    );
    expect(status).toBe(0);
  });

  it('verifies nothing for a warning with --strict', async () => {
    const io = memoryIo(cartOf('10.1.0.300'));
    expect(await verifyCommand({ filename: ['-'], strict: true, diagnostics: 'human' }, io)).toBe(1);
    expect(io.written.out).toBe('');
  });
});
