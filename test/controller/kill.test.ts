import { afterEach, expect, it, vi } from 'vitest';
import { canonicalJson } from '../../compiler/values/canonical-json.ts';
import { randomNumbers } from '../helpers/numbers.ts';
import { copiesIn, type Live, objectsIn, type Running, startLive } from './live.ts';
import { multiClusterService, nativeSlice, webService } from './stories.ts';

let live: Live;
afterEach(() => live.close());

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const kills = 30;
const services = 5;
const members = ['m1', 'm2', 'm3'];

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
      return canonicalJson([name, labels, said, spec, endpoints, ports]);
    })
    .sort((a, b) => (a < b ? -1 : 1));
}

it('a controller that is killed at any point leaves nothing that the next one does not set right', {
  timeout: 120_000,
}, async () => {
  const random = randomNumbers(12);
  live = await startLive(['hub', ...members]);
  const addresses = new Map<string, string[]>();
  const show = (service: string, member: string): void => {
    live.at(member).apply(nativeSlice(service, member, addresses.get(`${member} ${service}`) ?? []));
  };
  for (let i = 0; i < services; i++) {
    live.at('hub').apply(webService(`web${i}`));
    live.at('hub').apply(multiClusterService(`web${i}`, [], []));
    for (const [m, member] of members.entries()) {
      addresses.set(`${member} web${i}`, [`10.${m}.${i}.1`]);
      show(`web${i}`, member);
    }
  }
  let next = 2;
  let changes = 0;
  /** An endpoint that stays for good: it must never be missing anywhere once it was there. */
  const steady = (copies: Readonly<Record<string, readonly string[]>>, own: string): readonly string[] =>
    members
      .filter((member) => member !== own)
      .flatMap((member) => {
        const m = members.indexOf(member);
        return Array.from({ length: services }, (_, i) =>
          copies[`${member} web${i}`]?.includes(`10.${m}.${i}.1`) === true ? '' : `${own} misses ${member} web${i}`,
        );
      })
      .filter((text) => text !== '');
  const change = (): void => {
    const member = members[Math.floor(random() * members.length)] ?? 'm1';
    const i = Math.floor(random() * services);
    const key = `${member} web${i}`;
    const [first = '', ...others] = addresses.get(key) ?? [];
    const more =
      others.length < 3 ? [...others, `10.${members.indexOf(member)}.${i}.${next++ % 250}`] : others.slice(1);
    addresses.set(key, [first, ...more]);
    show(`web${i}`, member);
    changes += 1;
  };
  const changing = setInterval(change, 50);
  let running: Running = live.start({ identity: 'c0' });
  await vi.waitFor(() => expect(members.flatMap((member) => steady(copiesIn(live.at(member)), member))).toEqual([]), {
    timeout: 10_000,
  });
  const missing: string[] = [];
  for (let kill = 1; kill <= kills; kill++) {
    await pause(random() * 250);
    running.kill();
    running = live.start({ identity: `c${kill}` });
    missing.push(...members.flatMap((member) => steady(copiesIn(live.at(member)), member)));
  }
  clearInterval(changing);
  expect(missing).toEqual([]);
  expect(changes).toBeGreaterThan(kills);
  await vi.waitFor(
    () => {
      for (const member of members) {
        for (const source of members) {
          if (source === member) continue;
          for (let i = 0; i < services; i++) {
            expect(copiesIn(live.at(member))[`${source} web${i}`]).toEqual(
              [...(addresses.get(`${source} web${i}`) ?? [])].sort(),
            );
          }
        }
      }
    },
    { timeout: 15_000, interval: 50 },
  );
  const survived = members.map(made);
  await running.stop();

  // A controller that starts from nothing comes to the same.
  for (const member of members) {
    for (const kind of ['EndpointSlice', 'Service']) {
      for (const { metadata } of objectsIn(live.at(member), kind)) {
        const { name, labels } = metadata as { name: string; labels?: Record<string, string> };
        const isMade =
          labels?.['slicewright.dev/managed'] === 'true' ||
          labels?.['endpointslice.kubernetes.io/managed-by'] === 'controller.slicewright.dev';
        if (isMade) live.at(member).remove(kind, 'default', name);
      }
    }
  }
  live.start({ identity: 'fresh' });
  await vi.waitFor(() => expect(members.map(withoutAddresses)).toEqual(survived.map(strip)), {
    timeout: 15_000,
    interval: 50,
  });
});

/** The cluster chooses the address anew. */
const strip = (texts: readonly string[]): readonly string[] =>
  texts.map((text) => text.replace(/"clusterIPs?":(\[[^\]]*\]|"[^"]*"),?/g, ''));
const withoutAddresses = (member: string): readonly string[] => strip(made(member));
