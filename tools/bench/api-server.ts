// API servers of one or more clusters in a separate process, so that a bench does not count their work as the agent's.
// The process talks to its parent by messages.
import { startApiDouble } from '../../test/apiserver/double.ts';
import { endpointsOf, fanIn, serviceObjects, type Shape } from './objects.ts';

/** What the parent requests: a new slice for a Service of the local cluster, with this many endpoints. */
export interface ApiRequest {
  readonly service: number;
  readonly endpoints: number;
}

/** The addresses of the servers: the local cluster's, and the others' by name. */
export interface ApiReply {
  readonly local: string;
  readonly others: Readonly<Record<string, string>>;
}

const shape = JSON.parse(process.argv[2] ?? '') as Shape;
const servers = await Promise.all(
  fanIn(shape).map(async ({ cluster, objects }) => {
    const server = await startApiDouble(cluster ?? 'bench');
    server.installed.add('multicluster.x-k8s.io');
    for (const object of objects) server.apply(object as Parameters<typeof server.apply>[0]);
    return { cluster, server };
  }),
);
// The servers print their objects before an agent comes: an agent's start is not to wait for that.
for (const { server } of servers) {
  for (const path of ['/api/v1/services', '/apis/discovery.k8s.io/v1/endpointslices'])
    await (await fetch(`${server.url}${path}`, { headers: { authorization: 'Bearer secret' } })).arrayBuffer();
}
const local = servers.find(({ cluster }) => cluster === undefined)!.server;

process.on('message', ({ service, endpoints }: ApiRequest) => {
  const [, slice] = serviceObjects(service, endpointsOf(service, endpoints));
  local.apply(slice as Parameters<typeof local.apply>[0]);
});
process.on('disconnect', () => process.exit());
process.send?.({
  local: local.url,
  others: Object.fromEntries(
    servers.flatMap(({ cluster, server }) => (cluster === undefined ? [] : [[cluster, server.url]])),
  ),
} satisfies ApiReply);
