import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { canonicalJson } from '../../compiler/values/canonical-json.ts';
import { eventually } from '../helpers/eventually.ts';
import { percentile, randomNumbers } from '../helpers/numbers.ts';
import type { Faults } from '../apiserver/faults.ts';
import { createAbsences } from './absences.ts';
import { copiesIn, type Live, objectsIn, startLive } from './live.ts';
import { type ControllerProcess, createKubeconfigs, type Kubeconfigs } from './process.ts';
import { multiClusterService, nativeSlice, webService } from './stories.ts';

let live: Live;
let kubeconfigs: Kubeconfigs;
afterEach(async () => {
  await kubeconfigs.close();
  await live.close();
});

const kills = 30;
const services = 5;
const changesPerSecond = 20;
const members = ['m1', 'm2', 'm3'];
const random = randomNumbers(12);
const upTo = (count: number): number => Math.floor(random() * count);

/** All of a member's objects that the controller made, but for what differs from run to run. */
function made(member: string): readonly string[] {
  return [...objectsIn(live.at(member), 'Service'), ...objectsIn(live.at(member), 'EndpointSlice')]
    .map(({ metadata, spec, endpoints, ports }) => {
      const { name, labels, annotations } = metadata as {
        name: string;
        labels: object;
        annotations: Record<string, string>;
      };
      const { 'slicewright.dev/source-resource-version': _version, ...said } = annotations ?? {};
      return withoutAddress(canonicalJson([name, labels, said, spec, endpoints, ports]));
    })
    .sort((a, b) => (a < b ? -1 : 1));
}

/** Each cluster chooses addresses anew. */
function withoutAddress(text: string): string {
  return text.replace(/"clusterIPs?":(\[[^\]]*\]|"[^"]*"),?/g, '');
}

function isMade({ metadata }: Record<string, unknown>): boolean {
  const { labels = {} } = metadata as { labels?: Record<string, string> };
  return (
    labels['slicewright.dev/managed'] === 'true' ||
    labels['endpointslice.kubernetes.io/managed-by'] === 'controller.slicewright.dev'
  );
}

it(`killed ${kills} times at any point, the controller leaves nothing that the next one does not set right`, {
  timeout: 900_000,
}, async () => {
  live = await startLive(['hub', ...members]);
  kubeconfigs = createKubeconfigs();
  /** What each member has of each Service; the first endpoint stays for good, the others come and go. */
  const addresses = new Map<string, readonly string[]>();
  const absences = createAbsences(live, members);
  const show = (member: string, service: string, shown: readonly string[]): void => {
    addresses.set(`${member} ${service}`, shown);
    absences.live(member, service, shown);
    live.at(member).apply(nativeSlice(service, member, shown));
  };
  for (let i = 0; i < services; i++) {
    live.at('hub').apply(webService(`web${i}`));
    live.at('hub').apply(multiClusterService(`web${i}`, [], []));
    for (const [m, member] of members.entries()) show(member, `web${i}`, [`10.${m}.${i}.1`]);
  }
  let changes = 0;
  const change = (): void => {
    const m = upTo(members.length);
    const i = upTo(services);
    const member = members[m] ?? 'm1';
    const [first = '', ...others] = addresses.get(`${member} web${i}`) ?? [];
    // An address that came back would seem lost to a consumer that is still at the time between.
    const next = `10.${m}.${i * 50 + Math.floor(changes / 240)}.${(changes % 240) + 2}`;
    changes += 1;
    show(member, `web${i}`, others.length < 3 ? [first, ...others, next] : [first, ...others.slice(1)]);
  };

  const start = (): ControllerProcess =>
    kubeconfigs.start([
      ...['--hub', kubeconfigs.of(live.at('hub'), 'hub'), '--identity', 'pod-0'],
      ...members.flatMap((member) => ['--cluster', `${member}=${kubeconfigs.of(live.at(member), member)}`]),
    ]);
  /** Told of each write, before it is answered. Some lists take longer than the first decision. */
  let onWrite = (): void => {};
  const beforeAnswer: Faults['beforeAnswer'] = (url, _response, { method }) => {
    if (method !== 'GET') return onWrite();
    const isList = url.pathname.endsWith('/endpointslices') && !url.searchParams.has('watch');
    return isList && random() < 0.5 ? sleep(1_200) : undefined;
  };
  for (const double of live.doubles.values()) double.faults = { beforeAnswer };
  /** In the moment in which the controller has sent so many writes, before the last is answered. */
  const written = (count: number): Promise<void> =>
    new Promise((resolve) => {
      let seen = 0;
      onWrite = () => {
        if (++seen === count) resolve();
      };
    });
  /** Everything that lived in its source when it was called is everywhere. */
  const caughtUp = async (): Promise<void> => {
    const due = absences.now();
    await eventually(() => expect(absences.now().filter((each) => due.includes(each))).toEqual([]));
  };

  const beganMs = performance.now();
  const changing = setInterval(change, 1000 / changesPerSecond);
  const restartsMs: number[] = [];
  let controller = start();
  for (let kill = 1; kill <= kills; kill++) {
    // In turn: while it starts, in the midst of what it writes, and some time after it has caught up.
    if (kill % 3 === 0) await sleep(random() * 1_500);
    else if (kill % 3 === 1) await written(1 + upTo(20));
    else {
      const startedMs = performance.now();
      await caughtUp();
      restartsMs.push(performance.now() - startedMs);
      await sleep(random() * 1_000);
    }
    await controller.kill();
    controller = start();
  }
  await caughtUp();
  clearInterval(changing);
  const seconds = (performance.now() - beganMs) / 1000;
  // Whatever was there once stays there for as long as it lives in its source.
  expect(absences.lost()).toEqual([]);

  await eventually(() => {
    for (const member of members) {
      const copies = copiesIn(live.at(member));
      for (const source of members.filter((each) => each !== member)) {
        for (let i = 0; i < services; i++) {
          expect(copies[`${source} web${i}`]).toEqual([...(addresses.get(`${source} web${i}`) ?? [])].sort());
        }
      }
    }
  });
  const survived = members.map(made);
  expect(await controller.stop()).toBe(0);

  // A controller that starts from nothing comes to the same.
  for (const member of members) {
    for (const kind of ['EndpointSlice', 'Service']) {
      for (const object of objectsIn(live.at(member), kind).filter(isMade)) {
        live.at(member).remove(kind, 'default', (object['metadata'] as { name: string }).name);
      }
    }
  }
  start();
  await eventually(() => expect(members.map(made)).toEqual(survived));
  const missed = absences.lengthsMs();
  console.log(
    `${kills} kills in ${seconds.toFixed(0)} s, ${(changes / seconds).toFixed(0)} changes a second; ` +
      `from start to caught up p50 ${percentile(restartsMs, 50).toFixed(0)} ms; ` +
      `new endpoints in a consumer after p50 ${percentile(missed, 50).toFixed(0)} ms, ` +
      `at most ${Math.max(...missed).toFixed(0)} ms over several kills; none lost`,
  );
});
