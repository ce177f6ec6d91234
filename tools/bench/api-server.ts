// API servers of one or more clusters in a process of its own, for a bench: its work is not the agent's. It talks to its
// parent by messages.
import { startApiDouble } from '../../test/apiserver/double.ts';
import { endpointsOf, fanIn, serviceObjects, type Shape } from './objects.ts';

/** What the parent asks for: another slice of a Service of the local cluster, with so many endpoints. */
export interface ApiRequest {
  readonly service: number;
  readonly endpoints: number;
}

/** Where the servers are: of the local cluster, and of the others by name. */
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
