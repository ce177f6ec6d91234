import { describe, expect, it } from 'vitest';
import { targetsOf } from '../agent/planning/targets.ts';
import { compileObjects } from '../test/helpers/compile.ts';
import { node, service, slice } from '../test/helpers/kubernetes.ts';
import { modeOf } from '../test/helpers/scope.ts';
import { backendNames } from './index.ts';

const objects = [
  node('n1', { addresses: ['192.168.0.1'] }),
  service('web', { type: 'NodePort', ports: [{ port: 80, protocol: 'TCP', nodePort: 30080 }] }),
  slice('web', 'web-x', ['10.1.0.1', '10.1.0.2']),
  service('shop', { clusterIP: '10.96.0.2', sessionAffinity: 'ClientIP', externalIPs: ['203.0.113.9'] }),
  slice('shop', 'shop-x', ['10.1.0.3']),
  service('idle', { clusterIP: '10.96.0.3' }),
];

describe.each(backendNames())('rules of one Service port in %s mode', (name) => {
  const target = targetsOf(compileObjects(objects)).IPv4;
  const made = modeOf(name).backend.make(target);
  const rules = new Map(target.services.map(({ id }) => [id as string, made.rulesOf(id)]));

  it('are of it alone, and of the program', () => {
    const whole = new Set(partsIn(made.text()));
    for (const [id, text] of rules) {
      expect(
        partsIn(text).filter((part) => !whole.has(part)),
        id,
      ).toEqual([]);
    }
    expect(rules.get('default/web/TCP/IPv4')).toContain('10.1.0.1');
    expect(rules.get('default/web/TCP/IPv4')).not.toMatch(/10\.1\.0\.3|10\.96\.0\.[23]/);
    expect(rules.get('default/idle/TCP/IPv4')).toContain('10.96.0.3');
  });

  it('are none where there is no such port', () => {
    expect(made.rulesOf('default/none/TCP/IPv4' as never)).toBe('');
  });
});

/** Lines, and elements of nft's sets, without the text around them. */
function partsIn(text: string): string[] {
  return text
    .split(/\n|, /)
    .map((line) => line.trim().replace(/^elements = \{ | \}$|,$/g, ''))
    .filter((line) => line !== '');
}
