/**
 * The demo: a Service whose pods run in two clusters, from its EndpointSlices to answered requests.
 *
 *     make demo [BACKEND=iptables|ipvs|nftables]
 *
 * Everything happens in separate network namespaces: the demo needs no privilege and no cluster, and does not touch the
 * machine's own network. For IPVS the namespaces are in an emulated machine where this one's kernel lacks IPVS.
 * Exit status: 0 both clusters answered, 1 something did not work, 2 usage.
 */
import { readdirSync } from 'node:fs';
import pc from 'picocolors';
import { defaultBackend } from '../../backends/index.ts';
import { DemoError } from './error.ts';
import { say, title } from './say.ts';
import type { Play, Stage } from './stage.ts';

const backend = process.env.BACKEND ?? defaultBackend();
const acts = readdirSync(new URL('acts/', import.meta.url)).flatMap((file) => /^([a-z]+)\.ts$/.exec(file)?.[1] ?? []);
if (!acts.includes(backend)) {
  process.stderr.write(`The demo shows the backends ${acts.sort().join(' and ')}, not "${backend}".\n`);
  process.exit(2);
}

// The namespaces end with this process, however it ends. This only makes the end tidy.
const used: { close(): Promise<void> }[] = [];
let interrupted = false;
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => {
    if (interrupted) process.exit(status);
    interrupted = true;
    say('');
    say(pc.yellow(`${signal}: taking the network down`));
    void close().finally(() => process.exit(status));
  });
}

try {
  await demo();
} catch (error) {
  if (!interrupted) {
    if (!(error instanceof DemoError)) throw error;
    process.stderr.write(`${pc.red('The demo stops here.')} ${error.message}\n`);
    process.exitCode = 1;
  }
} finally {
  if (!interrupted) await close();
}

async function close(): Promise<void> {
  for (const thing of used.splice(0).reverse()) await thing.close();
}

async function demo(): Promise<void> {
  const { play } = (await import(`./acts/${backend}.ts`)) as { readonly play: Play };
  const stage: Stage = {
    backend,
    title: () => title('One Service, pods in two clusters', `seed B as member2 sees it, ${backend}`),
    use(thing) {
      used.push(thing);
      return thing;
    },
  };
  await play(stage);
}
