import { backendNames } from '../../backends/index.ts';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { cartOf, createScratch, nodeOf, type Scratch } from '../../agent/commands/commands.fixture.ts';

/* The real command line takes its choices from the list of backends when it is built. */

let scratch: Scratch;
beforeEach(() => {
  scratch = createScratch();
});
afterEach(() => {
  scratch.remove();
});

const program = fileURLToPath(new URL('slicewright.fixture.ts', import.meta.url));
const manifests = `${nodeOf('192.0.2.1')}---${cartOf('10.1.0.5')}`;

function slicewright(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    input: manifests,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

it('--backend toy is a choice, in the help and in the completion too', () => {
  expect(slicewright('compile', '-f', '-', '--backend', 'toy')).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^# toy IPv4\n/),
  });
  const { status, stderr } = slicewright('verify', '-f', '-', '--backend', 'tin');
  expect([status, stderr]).toEqual([
    2,
    expect.stringContaining(`Allowed choices are ${backendNames().join(', ')}, toy`),
  ]);
  expect(slicewright('completion', 'bash').stdout).toContain(`compgen -W "${backendNames().join(' ')} toy"`);
});

it('mode: toy is a mode of the configuration, for commands and for the agent', () => {
  const text = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: toy\n';
  const config = scratch.put('config.yaml', text);
  expect(slicewright('compile', '-f', '-', '--config', config).stdout).toMatch(/^# toy IPv4\n/);
  // Only what is written to a file: an agent on this machine would set what its kernel has.
  const written = join(scratch.root, 'effective.yaml');
  expect(slicewright('agent', '--config', config, '--write-config-to', written).status).toBe(0);
  expect(readFileSync(written, 'utf8')).toContain('mode: toy\n');
});

it('explain is short for explain packet, and keeps its other half', () => {
  const [short, long] = [
    slicewright('explain', '10.1.0.5', 'shop/cart', '-f', '-', '--backend', 'toy'),
    slicewright('explain', 'packet', '10.1.0.5', 'shop/cart', '-f', '-', '--backend', 'toy'),
  ];
  expect(short).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^pod 10\.1\.0\.5 -> 10\.96\.0\.10:80\/tcp\n/),
  });
  expect(long).toEqual(short);
  expect(slicewright('explain', '-f', '-', 'pod 10.1.0.5 -> 10.96.0.10:80/tcp').stdout).toMatch(/^pod 10\.1\.0\.5 ->/);
  expect(slicewright('explain', 'service', 'shop/cart', '-f', '-')).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^shop\/cart:http\/TCP\/IPv4\n/),
  });
  expect(slicewright('explain', '-f', '-')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("missing required argument 'words'"),
  });
  expect(slicewright('explain', 'servce', 'shop/cart', '-f', '-')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('did you mean service?'),
  });
});
