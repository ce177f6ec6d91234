import { describe, expect, it } from 'vitest';
import { auditCase, recordOf, servicesThatAre } from './dumps.ts';
import { faults } from './faults.ts';

describe.each(Object.keys(faults))('in what a kube-proxy left in %s mode', (mode) => {
  it.each(faults[mode] ?? [])(
    'it finds the Services that suffer when $what',
    async ({ name = '059-mix', file, find, put, services }) => {
      const right = recordOf(mode, name);
      const text = right.get(file) ?? '';
      expect(text).toMatch(find);
      const files = new Map([...right, [file, text.replace(find, put)]]);
      const { status, families, err } = await auditCase(mode, name, { files });
      expect([status, servicesThatAre('wrong', families), err]).toEqual([3, services, expect.any(String)]);
    },
  );
});
