// An API server double in a process of its own, for a bench: its work is not the agent's. It talks to its parent by messages.
import { startApiDouble } from '../../test/apiserver/double.ts';
import { clusterObjects, endpointsOf, serviceObjects } from './objects.ts';

/** What the parent asks for. */
export interface ApiRequest {
  /** The Service whose slice is written, and how many endpoints it has then. */
  readonly service: number;
  readonly endpoints: number;
}

const [services = 0, endpointsEach = 0] = process.argv.slice(2).map(Number);
const double = await startApiDouble('bench');
type Stored = Parameters<typeof double.apply>[0];
for (const object of clusterObjects(services, endpointsEach)) double.apply(object as Stored);

process.on('message', ({ service, endpoints }: ApiRequest) => {
  const [, slice] = serviceObjects(service, endpointsOf(service, endpoints));
  double.apply(slice as Stored);
});
process.on('disconnect', () => process.exit());
process.send?.({ url: double.url });
