import { expect, it } from 'vitest';
import { createToldCompiler } from '../../test/helpers/told.ts';
import { node, service } from '../../test/packets/objects.ts';
import { memberSettings } from '../../test/packets/program.ts';
import type { AgentEvent } from './agent-event.ts';
import { bareServicesListener, servicesWithoutSlices } from './bare-services.ts';

const survey = (...withoutSlices: readonly string[]): AgentEvent => ({
  ...{ kind: 'survey', diagnostics: [], endpoints: new Map(), slices: new Map() },
  withoutSlices,
});

function listening() {
  let ms = 0;
  const lines: string[] = [];
  const ignore = () => {};
  const warn = (_: object, message: string) => void lines.push(message);
  const listen = bareServicesListener({ debug: ignore, info: ignore, error: ignore, warn }, () => ms);
  return {
    lines,
    at(nowMs: number, event: AgentEvent = { kind: 'ready' }) {
      ms = nowMs;
      listen(event);
    },
  };
}

it('finds the Services that no slice names; an empty slice is one', () => {
  const cart = service('cart', { clusterIPs: ['10.13.8.1'], port: 80, endpoints: ['10.12.0.6'], endpointPort: 8080 });
  const idle = service('idle', { clusterIPs: ['10.13.8.2'], port: 80, endpoints: ['10.12.0.7'], endpointPort: 8080 });
  const bare = service('bare', { clusterIPs: ['10.13.8.3'], port: 80, endpoints: ['10.12.0.8'], endpointPort: 8080 });
  const objects = [
    node,
    ...cart,
    ...idle.map((object) => (object['kind'] === 'EndpointSlice' ? { ...object, endpoints: [] } : object)),
    ...bare.filter((object) => object['kind'] !== 'EndpointSlice'),
  ];
  const context = { settings: memberSettings, nodeName: 'member2-node', localAddresses: undefined };
  const compiler = createToldCompiler(context);
  compiler.apply(objects.map((object) => ({ object, gone: false })));
  expect(servicesWithoutSlices(compiler.services().values())).toEqual(['Service test/bare']);
});

it('says so after a minute, once, and again only after it had one', () => {
  const { lines, at } = listening();
  at(0, survey('Service shop/ext', 'Service shop/new'));
  at(5_000, survey('Service shop/ext'));
  at(59_999);
  expect(lines).toEqual([]);
  at(60_000);
  at(200_000, survey('Service shop/ext'));
  expect(lines).toEqual([
    expect.stringMatching(
      /^Service shop\/ext: it has no EndpointSlice, so connections are rejected.*only Endpoints .*v1beta1/,
    ),
  ]);
  at(300_000, survey());
  at(310_000, survey('Service shop/ext'));
  at(370_000);
  expect(lines.length).toBe(2);
});

it('counts what would fill the log', () => {
  const { lines, at } = listening();
  at(0, survey(...Array.from({ length: 50 }, (_, i) => `Service shop/s${i}`)));
  at(60_000);
  expect(lines.length).toBe(21);
});
