import { load } from 'js-yaml';
import { expect, it } from 'vitest';
import { documentText } from './document.ts';

it('puts version and kind first, and says the same in both formats', async () => {
  const content = {
    ports: [{ port: 80, name: undefined, address: '10.0.0.1' }],
    text: 'yes\u001b[31m',
    numerator: '1',
  };
  const json = await documentText('Thing', content, 'json');
  const yaml = await documentText('Thing', content, 'yaml');
  expect(json.startsWith('{\n  "apiVersion": "slicewright.dev/v1alpha1",\n  "kind": "Thing",\n')).toBe(true);
  expect(yaml.startsWith('apiVersion: slicewright.dev/v1alpha1\nkind: Thing\n')).toBe(true);
  expect(load(yaml)).toEqual(JSON.parse(json));
  expect(yaml).not.toContain('\u001b');
});
