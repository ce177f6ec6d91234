import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { KnownEndpoint } from '../../compiler/ir/ir.ts';
import type { IpAddress } from '../../compiler/values/address.ts';
import type { ServiceKey } from '../../compiler/values/names.ts';
import type { Port } from '../../compiler/values/port.ts';
import { makeIR } from '../../test/helpers/ir.ts';
import { ownAddress } from '../../test/helpers/own-address.ts';
import { createProxyHealth } from './health.ts';
import { plain } from './listener.ts';
import { createMetrics } from './metrics.ts';
import { parseBindAddress } from './bind-address.ts';
import { serveHealth, serveMetrics, serveScrapes } from './server.ts';
import { answerHealthCheck, createServiceHealthServers, serviceHealths } from './service-health.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const clockAt = (startMs: number) => {
  const clock = { ms: startMs, nowMs: () => clock.ms };
  return clock;
};

describe('proxy health', () => {
  it('ends when a change has waited for twice the sync period, and returns with the sync', () => {
    const clock = clockAt(0);
    const health = createProxyHealth(clock, 30_000);
    expect(health.healthz().status).toBe(200);
    health.updated('IPv4');
    health.queued('IPv4');
    clock.ms = 59_999;
    health.queued('IPv4');
    expect(health.livez().status).toBe(200);
    clock.ms = 60_000;
    expect(health.livez().status).toBe(503);
    expect(JSON.parse(health.livez().body)).toEqual({
      lastUpdated: '1970-01-01T00:00:00.000Z',
      currentTime: '1970-01-01T00:01:00.000Z',
      healthy: false,
      status: { IPv4: { lastUpdated: '1970-01-01T00:00:00.000Z', healthy: false } },
    });
    health.updated('IPv4');
    expect(health.isHealthy()).toBe(true);
  });

  it('says why a first program is held back, and asks for no restart however long that takes', () => {
    const clock = clockAt(0);
    const health = createProxyHealth(clock, 30_000);
    health.queued('IPv4');
    health.held('2 of the 3 Services that are served now go');
    clock.ms = 600_000;
    expect([health.healthz().status, health.livez().status, health.isHealthy()]).toEqual([503, 200, true]);
    expect(JSON.parse(health.healthz().body)).toMatchObject({
      healthy: false,
      held: expect.stringContaining('2 of the 3'),
    });
    health.held(undefined);
    health.updated('IPv4');
    expect([health.healthz().status, JSON.parse(health.healthz().body).held]).toEqual([200, undefined]);
  });

  it.each([86_400_000, -86_400_000])('is the same though the time of day jumps by %i ms', (jumpMs) => {
    const clock = { ...clockAt(0), wall: Date.UTC(2026, 0, 2) };
    const health = createProxyHealth({ nowMs: () => clock.ms, wallMs: () => clock.wall + clock.ms }, 30_000);
    health.queued('IPv4');
    clock.wall += jumpMs;
    clock.ms = 59_999;
    expect(health.livez().status).toBe(200);
    clock.ms = 60_000;
    expect(health.livez().status).toBe(503);
    health.updated('IPv4');
    const { lastUpdated } = JSON.parse(health.livez().body);
    expect(lastUpdated).toBe(new Date(clock.wall + clock.ms).toISOString());
  });

  it('is that of the worst family', () => {
    const clock = clockAt(0);
    const health = createProxyHealth(clock, 30_000);
    health.queued('IPv6');
    health.updated('IPv4');
    clock.ms = 61_000;
    expect(health.isHealthy()).toBe(false);
  });

  it.each([
    [{ deleted: true, taintKeys: [] }],
    [{ deleted: false, taintKeys: ['x', 'ToBeDeletedByClusterAutoscaler'] }],
  ])('sends load balancers away from a node that goes (%j), but does not ask for a restart', (node) => {
    const health = createProxyHealth(clockAt(0), 30_000);
    health.nodeChanged(node);
    expect(health.healthz().status).toBe(503);
    expect(JSON.parse(health.healthz().body)).toMatchObject({ nodeEligible: false });
    expect(health.livez().status).toBe(200);
    health.nodeChanged({ deleted: false, taintKeys: [] });
    expect(health.healthz().status).toBe(200);
  });
});

const known = (address: string, some: Partial<KnownEndpoint> = {}): KnownEndpoint => ({
  address: address as IpAddress,
  port: 8080 as Port,
  local: true,
  ready: true,
  serving: true,
  ...some,
});

describe('what a load balancer asks', () => {
  it('counts ready addresses on this node, of all ports of the Service, once', () => {
    const healthCheckNodePort = 32000 as Port;
    const services = [
      makeIR([], [], { healthCheckNodePort, known: [known('10.1.0.1'), known('10.1.0.2', { local: false })] }),
      makeIR([], [], {
        healthCheckNodePort,
        known: [known('10.1.0.1'), known('10.1.0.3', { ready: false }), known('10.1.0.4')],
      }),
      makeIR([], [], { healthCheckNodePort: undefined, known: [known('10.1.0.9')] }),
    ];
    expect(serviceHealths(services)).toEqual([{ service: 'shop/cart', port: 32000, localEndpoints: 2 }]);
  });

  it('is answered as kube-proxy does, byte for byte', () => {
    const health = { service: 'ns2/etp-local' as ServiceKey, port: 1 as Port, localEndpoints: 1 };
    const { status, headers, body } = answerHealthCheck(health, true);
    expect(status).toBe(200);
    expect(body).toBe(
      '{\n\t"service": {\n\t\t"namespace": "ns2",\n\t\t"name": "etp-local"\n\t},\n\t"localEndpoints": 1,\n\t"serviceProxyHealthy": true\n}',
    );
    expect(Buffer.byteLength(body)).toBe(116);
    expect(headers['x-load-balancing-endpoint-weight']).toBe('1');
    expect(answerHealthCheck({ ...health, localEndpoints: 0 }, true).status).toBe(503);
    expect(answerHealthCheck(health, false).status).toBe(503);
  });

  it('is answered on its port while the Service is there, and says when the port is taken', async () => {
    const { host, port } = ownAddress();
    const servers = createServiceHealthServers(
      () => true,
      () => [{ host }],
    );
    closers.push(() => servers.close());
    const taken = createServer(() => {});
    await new Promise<void>((resolve) => taken.listen(port, host, resolve));
    closers.push(() => new Promise((resolve) => taken.close(() => resolve())));
    const health = { service: 'shop/cart' as ServiceKey, port: port as Port, localEndpoints: 2 };
    expect(await servers.sync([health])).toMatchObject([
      { service: 'shop/cart', port, problem: expect.stringContaining('EADDRINUSE') },
    ]);

    await new Promise<void>((resolve) => taken.close(() => resolve()));
    closers.pop();
    expect(await servers.sync([health])).toEqual([]);
    const answer = await fetch(`http://${host}:${port}/any/path`);
    expect([answer.status, answer.headers.get('x-load-balancing-endpoint-weight')]).toEqual([200, '2']);
    await servers.sync([{ ...health, localEndpoints: 0 }]);
    expect((await fetch(`http://${host}:${port}/`)).status).toBe(503);
    await servers.sync([]);
    await expect(fetch(`http://${host}:${port}/`)).rejects.toThrow();
  });
});

describe('the servers', () => {
  const loopback = { host: '127.0.0.1', port: 0 };
  const get = async (port: number, path: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: answer.status, body: await answer.text(), type: answer.headers.get('content-type') };
  };

  it('answer what would be no address with 404, and go on', async () => {
    const metrics = createMetrics();
    const servers = await Promise.all([
      serveHealth(loopback, createProxyHealth(clockAt(0), 30_000), metrics),
      serveScrapes(loopback, metrics),
      serveMetrics(loopback, metrics, {
        mode: 'iptables',
        status: () => ({}),
        shares: () => ({}),
        config: {},
        knowledge: () => plain(404),
      }),
    ]);
    closers.push(...servers.map((server) => () => server.close()));
    for (const { port } of servers) {
      expect((await get(port, '//')).status).toBe(404);
      expect((await get(port, '//')).status).toBe(404);
    }
  });

  it('answer probes of any method, as kube-proxy does, but only who reads metrics', async () => {
    const metrics = createMetrics();
    const health = await serveHealth(loopback, createProxyHealth(clockAt(0), 30_000), metrics);
    const scrapes = await serveScrapes(loopback, metrics);
    closers.push(health.close, scrapes.close);
    const status = async (method: string, url: string) => (await fetch(`http://127.0.0.1:${url}`, { method })).status;
    // HAProxy's `option httpchk` asks with OPTIONS.
    expect(await status('OPTIONS', `${health.port}/healthz`)).toBe(200);
    expect(await status('HEAD', `${scrapes.port}/metrics`)).toBe(200);
    expect(await status('POST', `${scrapes.port}/metrics`)).toBe(405);
  });

  it('answer probes and count them', async () => {
    const metrics = createMetrics();
    const server = await serveHealth(loopback, createProxyHealth(clockAt(0), 30_000), metrics);
    closers.push(() => server.close());
    expect((await get(server.port, '/livez')).status).toBe(200);
    expect((await get(server.port, '/healthz')).status).toBe(200);
    expect((await get(server.port, '/other')).status).toBe(404);
    expect(await metrics.registry.metrics()).toContain('kubeproxy_proxy_healthz_total{code="200"} 1');
  });

  it('is metrics alone where a scraper from elsewhere asks', async () => {
    const server = await serveScrapes(loopback, createMetrics());
    closers.push(() => server.close());
    const status = async (path: string) => (await fetch(`http://127.0.0.1:${server.port}${path}`)).status;
    expect(await Promise.all(['/metrics', '/slicewright/status', '/configz', '/proxyMode'].map(status))).toEqual([
      ...[200, 404, 404, 404],
    ]);
  });

  it.each(['0.0.0.0', '::'])('answer on all addresses of both families for %s, as Go listens', async (host) => {
    const metrics = createMetrics();
    const bind = { host, port: 0 };
    const insight = {
      mode: 'iptables',
      status: () => ({}),
      shares: () => ({}),
      config: {},
      knowledge: () => plain(404),
    };
    const servers = [
      await serveHealth(bind, createProxyHealth(clockAt(0), 30_000), metrics),
      await serveMetrics(bind, metrics, insight),
      await serveScrapes(bind, metrics),
    ];
    closers.push(...servers.map((server) => () => server.close()));
    for (const { port } of servers) {
      const statuses = await Promise.all(
        ['127.0.0.1', '[::1]'].map(async (address) => (await fetch(`http://${address}:${port}/livez`)).status),
      );
      expect(statuses[0]).toBe(statuses[1]);
    }
  });

  it('answer as kube-proxy on the metrics port', async () => {
    const metrics = createMetrics();
    metrics.lastSync.set({ ip_family: 'IPv4' }, 12);
    const server = await serveMetrics(loopback, metrics, {
      mode: 'iptables',
      status: () => ({ a: 1 }),
      shares: () => ({}),
      config: { mode: 'x' },
      knowledge: (path) => ({ ...plain(200), body: path }),
    });
    closers.push(() => server.close());
    expect(await get(server.port, '/proxyMode')).toEqual({
      status: 200,
      body: 'iptables',
      type: 'text/plain; charset=utf-8',
    });
    expect((await get(server.port, '/healthz')).body).toBe('ok');
    expect((await get(server.port, '/configz')).body).toBe('{"kubeproxy.config.k8s.io":{"mode":"x"}}');
    expect((await get(server.port, '/slicewright/status')).body).toBe('{"a":1}');
    expect((await get(server.port, '/slicewright/explain/shop/cart')).body).toBe('shop/cart');
    expect((await get(server.port, '/metrics')).body).toContain(
      'kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family="IPv4"} 12',
    );
  });

  it.each([
    ['0.0.0.0:10256', { host: '0.0.0.0', port: 10256 }],
    [':10249', { host: '0.0.0.0', port: 10249 }],
    ['[::1]:10249', { host: '::1', port: 10249 }],
    ['127.0.0.1', undefined],
    ['127.0.0.1:70000', undefined],
    ['node:1', undefined],
  ])('take %s', (text, address) => expect(parseBindAddress(text)).toEqual(address));
});
