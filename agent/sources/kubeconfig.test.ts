import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createPlainServer, type IncomingHttpHeaders } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as certificates from '../../test/apiserver/certificates.ts';
import { startApiDouble } from '../../test/apiserver/double.ts';
import { problemOf } from './api-problems.ts';
import { openApi } from './api.ts';
import { openCluster } from './kubeconfig.ts';

let folder: string;
const closers: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slicewright-kubeconfig-'));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
});

function put(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

function kubeconfig(cluster: Readonly<Record<string, unknown>>, user: Readonly<Record<string, unknown>>): string {
  const named = { clusters: [{ name: 'c', cluster }], users: [{ name: 'u', user }] };
  const contexts = [{ name: 'x', context: { cluster: 'c', user: 'u' } }];
  return put(
    'kubeconfig',
    JSON.stringify({ apiVersion: 'v1', kind: 'Config', ...named, contexts, 'current-context': 'x' }),
  );
}

/** How the API server answers a list of Services now, or the fault instead. */
async function asker(path: string): Promise<() => Promise<string>> {
  const api = await openCluster({ kubeconfig: path });
  closers.push(api.close);
  return async () => {
    try {
      const answer = await api.get('/api/v1/services', AbortSignal.timeout(300_000));
      let text = '';
      for await (const chunk of answer.body) text += Buffer.from(chunk).toString();
      return `${answer.status} ${answer.status === 200 ? ((JSON.parse(text) as { said?: string }).said ?? '') : ''}`.trim();
    } catch (error) {
      return problemOf(error);
    }
  };
}

describe('a token in a file', () => {
  async function double() {
    const made = await startApiDouble();
    closers.push(() => made.close());
    made.tokens.clear();
    return made;
  }
  const plain = (server: string) => ({ server, 'insecure-skip-tls-verify': true });

  it.each<readonly [string, Readonly<Record<string, unknown>>]>([
    ['tokenFile, relative to the kubeconfig', { tokenFile: 'token' }],
    ['tokenFile, which counts before a token', { tokenFile: 'token', token: 'never good' }],
    [
      'an auth provider, as a service account has it',
      { 'auth-provider': { name: 'tokenFile', config: { tokenFile: 'token' } } },
    ],
  ])('of %s is used as soon as it is renewed', async (_, user) => {
    const server = await double();
    server.tokens.set('first', 'system:agent');
    put('token', 'first\n');
    const ask = await asker(kubeconfig(plain(server.url), user));
    expect(await ask()).toBe('200');
    server.tokens.clear();
    server.tokens.set('second', 'system:agent');
    expect(await ask()).toBe('401');
    put('token', 'second');
    expect(await ask()).toBe('200');
  });

  it('serves on while its file cannot be read, and is named where there never was one', async () => {
    const server = await double();
    server.tokens.set('first', 'system:agent');
    const ask = await asker(kubeconfig(plain(server.url), { tokenFile: 'token' }));
    expect(await ask()).toMatch(/^the token file .*\/token cannot be used: ENOENT/);
    put('token', '');
    expect(await ask()).toMatch(/^the token file .*\/token cannot be used: it is empty/);
    put('token', 'first');
    expect(await ask()).toBe('200');
    rmSync(join(folder, 'token'));
    expect(await ask()).toBe('200');
  });
});

it('a kubeconfig that wants a proxy is refused, and says where; one without is not', async () => {
  const server = { server: 'https://192.0.2.10:6443' };
  const path = kubeconfig({ ...server, 'proxy-url': 'http://proxy.example:3128' }, {});
  await expect(openCluster({ kubeconfig: path })).rejects.toMatchObject({
    diagnostics: [{ code: 'no-cluster', message: expect.stringContaining('cluster "c" has proxy-url') as string }],
  });
  const direct = await openCluster({ kubeconfig: kubeconfig({ ...server, 'proxy-url': '' }, {}) });
  direct.close();
  expect(direct.server).toBe(server.server);
});

it('a connection that the server closed while we kept it is no failure', async () => {
  const seen = new Map<Socket, number>();
  const server = createPlainServer((request, response) => {
    const count = (seen.get(request.socket) ?? 0) + 1;
    seen.set(request.socket, count);
    if (count > 1) return void request.socket.destroy();
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ask = await asker(kubeconfig({ server: url, 'insecure-skip-tls-verify': true }, {}));
  expect([await ask(), await ask()]).toEqual(['200', '200']);
  expect([...seen.values()]).toEqual([2, 1]);
});

describe('TLS', () => {
  const variable = 'NODE_TLS_REJECT_UNAUTHORIZED';
  const before = process.env[variable];
  afterEach(() => {
    if (before === undefined) delete process.env[variable];
    else process.env[variable] = before;
    vi.unstubAllEnvs();
  });

  /** A server that records which client asks, over which connection. */
  async function secure(options: ServerOptions) {
    const connections: TLSSocket[] = [];
    const headers: IncomingHttpHeaders[] = [];
    const server = createServer({ ca: certificates.authority, ...options }, (request, response) => {
      headers.push(request.headers);
      const { subject } = (request.socket as TLSSocket).getPeerCertificate() as { subject?: { CN: string } };
      response.end(JSON.stringify({ said: subject?.CN ?? 'nobody' }));
    });
    server.on('secureConnection', (socket) => connections.push(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, connections, headers };
  }
  const trusting = (server: string) => ({ server, 'certificate-authority': put('ca.pem', certificates.authority) });

  it.each(['0', '1', ''])(`is verified where ${variable} is %j`, async (value) => {
    const { url, headers } = await secure(certificates.server);
    process.env[variable] = value;
    const ask = await asker(kubeconfig({ server: url }, { token: 'secret' }));
    expect(await ask()).toMatch(/certificate|self.signed|unable to verify/i);
    expect(headers).toEqual([]);
    const trusted = await asker(kubeconfig(trusting(url), { token: 'secret' }));
    expect(await trusted()).toBe('200 nobody');
  });

  it(`is verified for the service account of a pod where ${variable} is "0"`, async () => {
    const { url, headers } = await secure(certificates.elsewhere);
    const account = '/var/run/secrets/kubernetes.io/serviceaccount';
    mkdirSync(join(folder, account), { recursive: true });
    put(join(account, 'token'), 'secret');
    put(join(account, 'ca.crt'), certificates.server.cert);
    const config = new KubeConfig();
    const { hostname, port } = new URL(url);
    vi.stubEnv('KUBERNETES_SERVICE_HOST', hostname);
    vi.stubEnv('KUBERNETES_SERVICE_PORT', port);
    config.loadFromCluster(folder);
    process.env[variable] = '0';
    const { get, close } = openApi(config);
    closers.push(close);
    await expect(get('/api/v1/services', AbortSignal.timeout(300_000))).rejects.toThrow(/certificate|altnames/i);
    expect(headers).toEqual([]);
  });

  it.each([
    ['agent', ['--dry-run', '--hostname-override', 'east-1', '--cluster-cidr', '10.1.0.0/16', '--kubeconfig']],
    ['controller', ['--dry-run', '--cluster', 'east']],
  ])('is verified by the %s, as a process in such an environment, which says what is wrong', async (command, args) => {
    const { url, headers } = await secure(certificates.server);
    const path = kubeconfig({ server: url }, { token: 'secret' });
    const words = args.at(-1) === 'east' ? [...args.slice(0, -1), `east=${path}`] : [...args, path];
    const program = fileURLToPath(new URL('../../bin/slicewright', import.meta.url));
    const child = spawn(program, [command, ...words], { env: { ...process.env, [variable]: '0' } });
    closers.push(() => child.kill('SIGKILL'));
    let said = '';
    const isTold = new Promise<void>((resolve) => {
      child.stderr.on('data', (chunk) => {
        said += String(chunk);
        if (/certificate|self.signed|unable to verify/i.test(said)) resolve();
      });
      child.once('exit', () => resolve());
    });
    await isTold;
    expect(said).toMatch(/certificate|self.signed|unable to verify/i);
    expect(said).not.toContain('Warning');
    expect(headers).toEqual([]);
  });

  it('is not verified where the kubeconfig says so, as kubectl has it, and that is told', async () => {
    const { url } = await secure(certificates.server);
    const path = kubeconfig({ server: url, 'insecure-skip-tls-verify': true }, { token: 'secret' });
    expect(await (await asker(path))()).toBe('200 nobody');
    const { isUnverified, close } = await openCluster({ kubeconfig: path });
    closers.push(close);
    expect(isUnverified).toBe(true);
    const { isUnverified: isPlainOne, close: closeToo } = await openCluster({
      kubeconfig: kubeconfig(trusting(url), {}),
    });
    closers.push(closeToo);
    expect(isPlainOne).toBe(false);
  });

  it('takes a client certificate that was renewed, over a new connection, and asks for no compression', async () => {
    const server = await secure({ ...certificates.server, requestCert: true, rejectUnauthorized: true });
    const client = { 'client-certificate': put('cert.pem', ''), 'client-key': put('key.pem', '') };
    const renew = ({ cert, key }: certificates.Certificate) => {
      put('cert.pem', cert);
      put('key.pem', key);
    };
    renew(certificates.clientOne);
    const ask = await asker(kubeconfig(trusting(server.url), client));
    expect([await ask(), await ask()]).toEqual(['200 agent one', '200 agent one']);
    expect(server.connections).toHaveLength(1);
    renew(certificates.clientTwo);
    expect(await ask()).toBe('200 agent two');
    expect(server.connections).toHaveLength(2);
    expect(server.headers[0]?.['accept-encoding']).toBeUndefined();
  });

  it('leaves a watch alone when the certificate is renewed meanwhile', async () => {
    const server = await secure({ ...certificates.server, requestCert: true, rejectUnauthorized: true });
    const client = {
      'client-certificate': put('cert.pem', certificates.clientOne.cert),
      'client-key': put('key.pem', certificates.clientOne.key),
    };
    const api = await openCluster({ kubeconfig: kubeconfig(trusting(server.url), client) });
    closers.push(api.close);
    const signal = AbortSignal.timeout(300_000);
    const open = await api.get('/api/v1/services', signal);
    put('cert.pem', certificates.clientTwo.cert);
    put('key.pem', certificates.clientTwo.key);
    const other = await api.get('/api/v1/services', signal);
    other.destroy();
    let text = '';
    for await (const chunk of open.body) text += Buffer.from(chunk).toString();
    expect(JSON.parse(text)).toEqual({ said: 'agent one' });
  });

  it.each<readonly [string, ServerOptions, Readonly<Record<string, unknown>>, RegExp]>([
    [
      'a server of an unknown authority',
      certificates.server,
      {},
      /^its certificate is not signed by an authority in certificate-authority: /,
    ],
    [
      'a server that expired',
      certificates.expired,
      { ca: true },
      /^its certificate has expired, or this node's clock is wrong: /,
    ],
    [
      'a server of another name',
      certificates.elsewhere,
      { ca: true },
      /^its certificate is for other names .*: .*127\.0\.0\.1 is not in the cert's list/,
    ],
    [
      'no client certificate',
      { ...certificates.server, requestCert: true, rejectUnauthorized: true },
      { ca: true },
      /^it does not accept slicewright's client certificate: /,
    ],
  ])('says what is wrong with %s', async (_, options, { ca }, says) => {
    const server = await secure(options);
    const ask = await asker(kubeconfig(ca === true ? trusting(server.url) : { server: server.url }, {}));
    expect(await ask()).toMatch(says);
  });

  it('says that a server does not speak it', async () => {
    const server = await startApiDouble();
    closers.push(() => server.close());
    const ask = await asker(kubeconfig(trusting(server.url.replace('http:', 'https:')), {}));
    expect(await ask()).toMatch(/^it does not speak TLS: /);
  });

  it('names each address that was tried in vain', () => {
    const tried = ['::1', '127.0.0.1'].map((address) => new Error(`connect ECONNREFUSED ${address}:1`));
    expect(problemOf(new AggregateError(tried))).toBe('connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1');
    expect(problemOf(Object.assign(new Error(''), { code: 'ECONNREFUSED' }))).toBe('ECONNREFUSED');
  });
});
