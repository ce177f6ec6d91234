import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { chartFolder, defaultValues, renderChart, renderWithHelm } from './chart.ts';
import { choices, switches } from './choices.ts';
import { kustomize, sorted, withKustomization } from './kustomize.ts';
import { podOf } from './pod.ts';

/*
 * The chart and the overlays say the same, in any choice. What has no choices in it is one file for both; the rest, the
 * DaemonSet and ConfigMaps, is written twice, so that each reads as its users expect, and is compared here.
 */

const deploy = fileURLToPath(new URL('../../deploy/', import.meta.url));

const hasHelm = (() => {
  try {
    execFileSync('helm', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();
const renderers = [
  { by: "this test's evaluator", render: renderChart },
  ...(hasHelm ? [{ by: 'helm', render: renderWithHelm }] : []),
];

/** Of files in ConfigMaps what they say, since two writers of YAML lay it out differently. */
const understood = (manifests: ReturnType<typeof sorted>) =>
  manifests.map(({ data, ...rest }) =>
    data === undefined
      ? rest
      : {
          ...rest,
          data: Object.fromEntries(
            Object.entries(data).map(([key, text]) => [key, key.endsWith('.yaml') ? load(text) : text]),
          ),
        },
  );

describe.each(renderers)('the chart, rendered by $by', ({ render }) => {
  it.each(choices)('is the overlay: $name', ({ values, kustomization }) => {
    const wanted = withKustomization(kustomization, (folder) => kustomize(folder));
    expect(understood(sorted(render(values)))).toEqual(understood(sorted(wanted)));
  });

  it('puts the image where the agent, the init container and the controller are', () => {
    const image = { repository: 'registry.example/slicewright', tag: '1.2.3' };
    const text = JSON.stringify(render({ image, controller: true }));
    expect(text.match(/"image":"[^"]*"/g)).toEqual(
      ['init', 'agent', 'controller'].map(() => '"image":"registry.example/slicewright:1.2.3"'),
    );
  });

  it('goes into kube-system and nowhere else, and says so', () => {
    expect(() => render({}, 'default')).toThrow(/slicewright goes into kube-system.*add --namespace kube-system/s);
  });

  it('takes the resources that it is given', () => {
    const [agent] = podOf(render({ resources: { requests: { cpu: '1' }, limits: { memory: '512Mi' } } })).containers;
    expect(agent?.resources).toEqual({ requests: { cpu: '1', memory: '192Mi' }, limits: { memory: '512Mi' } });
  });
});

describe('the chart', () => {
  const read = (path: string) => readFileSync(join(chartFolder, path), 'utf8');
  // Of zod's own type, which knows more words than a schema uses.
  const schema = z.fromJSONSchema(JSON.parse(read('values.schema.json')) as Parameters<typeof z.fromJSONSchema>[0]);

  it('has the version of the program', () => {
    const { version } = JSON.parse(readFileSync(join(deploy, '../package.json'), 'utf8')) as { version: string };
    expect(load(read('Chart.yaml'))).toMatchObject({ name: 'slicewright', version, appVersion: version });
  });

  it('refuses values that are no choice, and those that nothing reads', () => {
    for (const { values } of choices) expect(schema.safeParse({ ...defaultValues, ...values }).success).toBe(true);
    for (const values of [{ mode: 'nft' }, { takeover: true }, { clusters: ['-west'] }, { registry: [{}] }])
      expect(schema.safeParse({ ...defaultValues, ...values }).success, JSON.stringify(values)).toBe(false);
  });

  it('reads files of the overlays, not copies of them', () => {
    const files = readdirSync(join(chartFolder, 'files'), { recursive: true, withFileTypes: true });
    const links = files.filter((file) => !file.isDirectory());
    expect(links.length).toBeGreaterThan(10);
    for (const link of links) {
      expect(link.isSymbolicLink(), link.name).toBe(true);
      expect(realpathSync(join(link.parentPath, link.name)).startsWith(chartFolder)).toBe(false);
    }
  });

  it('has a value for each component', () => {
    const components = readdirSync(join(deploy, 'components'));
    expect(['clusters', ...switches.map(([name]) => name)].sort()).toEqual(components.sort());
  });
});
