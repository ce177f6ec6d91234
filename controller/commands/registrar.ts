import { unverifiedText } from '../../agent/sources/kubeconfig.ts';
import type { ApiCall } from '../../agent/sources/api.ts';
import { InputError } from '../../agent/input/input-error.ts';
import type { Log } from '../../agent/telling/log.ts';
import { canonicalJson } from '../../compiler/values/canonical-json.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import type { Controller } from '../controller.ts';
import { type Connection, createConnection, type Opened, openText, unusable } from './connection.ts';
import type { ReadSecret, RegisteredSecret } from './secrets.ts';

/** Makes the controller's members match the Secrets, while it runs. */
export interface Registrar {
  /** All present Secrets. Resolves when the members match them. */
  take(secrets: readonly ReadSecret[]): Promise<void>;
  close(): void;
}

interface Registration {
  readonly secret: RegisteredSecret;
  readonly connection: Connection;
}

/**
 * A Secret that cannot be used does not affect the others. Its previous content stays in force; if there was none,
 * its cluster counts as unreachable, so that no copy of its slices is removed anywhere.
 *
 * given   clusters that the command line names: no Secret can register them
 */
export function createRegistrar(
  controller: Pick<Controller, 'register' | 'unregister' | 'relabel' | 'isItself'>,
  given: ReadonlySet<ClusterName>,
  onCall: (call: ApiCall) => void,
  log: Log,
): Registrar {
  const registered = new Map<ClusterName, Registration>();
  /** The problem logged for each unusable Secret, so that it is logged once. */
  let told: ReadonlyMap<string, string> = new Map();
  let turn = Promise.resolve();

  async function open({ cluster, kubeconfig }: RegisteredSecret): Promise<Opened | { readonly problem: string }> {
    if (kubeconfig === undefined) return { problem: 'it has no key "kubeconfig"' };
    try {
      const opened = await openText(kubeconfig, onCall);
      if (opened.isUnverified) log.warn({ cluster, server: opened.server }, unverifiedText(opened.server));
      return opened;
    } catch (error) {
      const why = error instanceof InputError ? error.diagnostics.map(({ message }) => message).join('; ') : error;
      return { problem: `its kubeconfig ${String(why)}` };
    }
  }

  async function register(secret: RegisteredSecret): Promise<void> {
    const { cluster, labels, uid } = secret;
    const opened = await open(secret);
    const first = 'problem' in opened ? unusable(`Secret ${secret.secret}`, opened.problem) : opened;
    const connection = createConnection(first, (found) => controller.isItself(cluster, found));
    registered.set(cluster, { secret, connection });
    const { get, write } = connection;
    controller.register(cluster, {
      get from() {
        return connection.from;
      },
      labels,
      get,
      write,
      ...(uid === undefined ? {} : { uid }),
    });
  }

  function unregister(cluster: ClusterName): void {
    controller.unregister(cluster);
    registered.get(cluster)?.connection.close();
    registered.delete(cluster);
  }

  async function change({ secret: before, connection }: Registration, secret: RegisteredSecret): Promise<void> {
    const { cluster } = secret;
    if (before.uid !== secret.uid) {
      // A cluster that was rejected as another one must now be accepted, or the other way round.
      unregister(cluster);
      return register(secret);
    }
    if (before.kubeconfig !== secret.kubeconfig) {
      const opened = await open(secret);
      if ('problem' in opened)
        log.error({ cluster, secret: secret.secret }, `${opened.problem}: the previous kubeconfig stays in use`);
      else {
        connection.change(opened);
        log.info({ cluster, secret: secret.secret }, 'its kubeconfig changed; the new one is in use');
      }
    }
    if (canonicalJson([...before.labels]) !== canonicalJson([...secret.labels])) {
      controller.relabel(cluster, secret.labels);
    }
    registered.set(cluster, { secret, connection });
  }

  async function settle(secrets: readonly ReadSecret[]): Promise<void> {
    const { wanted, useless } = wantedOf(secrets);
    for (const [secret, problem] of useless) if (told.get(secret) !== problem) log.error({ secret }, problem);
    told = useless;
    for (const cluster of registered.keys()) if (!wanted.has(cluster)) unregister(cluster);
    for (const [cluster, secret] of wanted) {
      const before = registered.get(cluster);
      if (before === undefined) await register(secret);
      else await change(before, secret);
    }
  }

  /** Chooses one Secret for each cluster. */
  function wantedOf(secrets: readonly ReadSecret[]) {
    const wanted = new Map<ClusterName, RegisteredSecret>();
    const useless = new Map<string, string>();
    for (const read of secrets) {
      const { secret } = read;
      if ('problem' in read) {
        useless.set(secret, `it registers no cluster: ${read.problem}`);
        // Its label was valid before, so its cluster still exists.
        for (const [cluster, known] of registered) {
          if (known.secret.secret === secret && !wanted.has(cluster)) wanted.set(cluster, known.secret);
        }
        continue;
      }
      const { cluster } = read;
      const other = wanted.get(cluster);
      if (given.has(cluster)) useless.set(secret, `it is not used: --cluster names cluster ${cluster} too`);
      else if (other === undefined) wanted.set(cluster, read);
      else useless.set(secret, `it is not used: Secret ${other.secret} registers cluster ${cluster} already`);
    }
    return { wanted, useless };
  }

  return {
    take(secrets) {
      turn = turn.then(() =>
        settle(secrets).catch((error: unknown) => log.error({}, `cannot watch Secrets: ${String(error)}`)),
      );
      return turn;
    },
    close() {
      for (const { connection } of registered.values()) connection.close();
    },
  };
}
