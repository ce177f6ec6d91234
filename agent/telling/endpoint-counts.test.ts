import { expect, it } from 'vitest';
import { createToldCompiler } from '../../test/helpers/told.ts';
import { dispatched, node, openService, slice } from '../../test/helpers/kubernetes.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import { countEndpoints, countSlices } from './endpoint-counts.ts';

const context = { settings: defaultSettings, nodeName: 'n1', localAddresses: undefined };
const http = { port: 80, protocol: 'TCP', targetPort: 8080 };

it('counts a slice once, however many of its endpoints a Service has; endpoints by cluster', () => {
  const compiler = createToldCompiler(context);
  const objects = [
    node('n1', { addresses: ['192.168.0.1'] }),
    openService('cart', { clusterIP: '10.96.0.1', ports: [http] }),
    slice('cart', 'cart-x', ['10.1.0.1', '10.1.0.2']),
    slice('cart', 'cart-y', ['10.1.0.2', '10.1.0.3']),
    dispatched('cart', 'east', ['10.3.0.1', '10.3.0.2']),
    openService('shop', { clusterIP: '10.96.0.2', ports: [http] }),
    dispatched('shop', 'east', ['10.3.0.3']),
  ];
  compiler.apply(objects.map((object) => ({ object, gone: false })));
  const seen = () => compiler.services().values();
  expect(Object.fromEntries(countSlices(seen()))).toEqual({ local: 2, east: 2 });
  const none = { used: 0, excluded: 0, unready: 0, duplicate: 0, refused: 0 };
  expect(Object.fromEntries(countEndpoints(seen()))).toEqual({
    local: { ...none, used: 3, duplicate: 1 },
    east: { ...none, used: 3 },
  });
});
