import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environment } from '../netns/processes.ts';
import { buildInitramfs } from './initramfs.ts';
import { fetchKernel } from './kernel.ts';

const project = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const cache = join(project, '.cache', 'vm');
const emulator = 'qemu-system-x86_64';
const kernelArguments = [
  'console=ttyS0 quiet panic=-1 nokaslr audit=0 random.trust_cpu=on rdinit=/init',
  // The emulator keeps translated code by its address: where programs and libraries always have the same address,
  // their code is translated once instead of once a process, and a process costs a third.
  'norandmaps',
  // On a busy host the emulated timer is late, and a kernel that measures it gives up.
  'no_timer_check',
  // Protection and self-tests that a real machine needs cost time here and protect nothing.
  'mitigations=off lsm= init_on_alloc=0 cryptomgr.notests kfence.sample_interval=0 nowatchdog',
  // Table commits, set swaps and namespaces wait for other processors: expedited, they wait less.
  'rcupdate.rcu_expedited=1',
].join(' ');

/**
 * The processor features that Node and Debian's programs need. They use AVX where it exists, which is slow to emulate.
 */
const processor = 'qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt';

/** A booted machine, as the channel to the agent inside it. */
export interface Emulated {
  readonly channel: Socket;
  /** Ends the machine; may be called even if the machine has ended already. */
  stop(): Promise<void>;
}

/** Why no machine can be emulated here; undefined: it can. Starts nothing. */
export function emulatorMissing(): string | undefined {
  const has = (tool: string): boolean => environment.PATH.split(':').some((folder) => existsSync(join(folder, tool)));
  if (process.arch !== 'x64') return `an emulated machine needs an x86-64 host, and this is ${process.arch}`;
  const missing = [emulator, 'ipvsadm', 'ipset', 'ip', 'iptables', 'modprobe'].filter((tool) => !has(tool));
  if (missing.length > 0) return `not installed: ${missing.join(', ')} (make setup as root brings them)`;
  if (!existsSync(join(cache, 'kernel')) && !has('apt-get'))
    return "the kernel comes from Debian's or Ubuntu's packages";
  return undefined;
}

/**
 * Boots a machine and waits for its agent. Only one machine runs at a time: other callers wait in line.
 * The machine cannot write to the host, and sees only the project's folder.
 *
 * Throws with the end of the console's text if the agent does not answer in time.
 */
export async function startEmulator(): Promise<Emulated> {
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), 'slicewright-vm-'));
  const console = join(folder, 'console');
  try {
    const kernel = fetchKernel(cache);
    const initramfs = buildInitramfs(cache, kernel, project);
    const channelPath = join(folder, 'agent');
    // The machine connects to this process: when this process is gone, the agent sees the end of its channel.
    const server = createServer().listen(channelPath);
    const child = spawn('flock', flockArguments(kernel.image, initramfs, channelPath, console), {
      env: environment,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let complaints = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
    const exited = once(child, 'exit');
    const ended = exited.then(() => undefined);
    const stop = async (): Promise<void> => {
      child.kill('SIGKILL');
      await exited;
      server.close();
      rmSync(folder, { recursive: true, force: true });
    };
    const dialled = await Promise.race([once(server, 'connection'), ended]);
    const channel = dialled?.[0] as Socket | undefined;
    const ready = channel && (await Promise.race([once(channel, 'data'), ended, sleep(bootLimitMs)]));
    if (channel === undefined || ready === undefined) {
      const last = existsSync(console) ? readFileSync(console, 'utf8').slice(-2000) : '';
      await stop();
      throw new Error(`the emulated machine did not come up: ${complaints}${last}`);
    }
    return { channel, stop };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

// From the first instruction to the agent: 8 s on an idle host.
const bootLimitMs = 300_000;

function sleep(ms: number): Promise<undefined> {
  return new Promise((resolve) => void setTimeout(resolve, ms, undefined).unref());
}

function flockArguments(image: string, initramfs: string, channel: string, console: string): string[] {
  const share = `local,id=project,path=${optionText(project)},security_model=none,readonly=on,multidevs=remap`;
  return [
    // The lock belongs to QEMU: it is free when QEMU is gone, however it ended.
    ...['--no-fork', '--wait', '600', join(cache, 'lock'), emulator],
    // A second processor does not make answers faster: processes move between the two, and each costs half as much
    // again.
    ...['-accel', 'tcg', '-M', 'q35', '-cpu', processor, '-smp', '1', '-m', '3072'],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', `file:${console}`],
    ...['-kernel', image, '-initrd', initramfs, '-append', kernelArguments],
    ...['-fsdev', share, '-device', 'virtio-9p-pci,fsdev=project,mount_tag=project'],
    ...['-device', 'virtio-serial-pci', '-chardev', `socket,id=agent,path=${optionText(channel)}`],
    ...['-device', 'virtserialport,chardev=agent,name=agent'],
  ];
}

/** A comma ends a value unless it is doubled. */
function optionText(value: string): string {
  return value.replaceAll(',', ',,');
}
