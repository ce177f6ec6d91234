/**
 * An address of this machine with a port at which nobody listens, and which nobody else will take: all of 127.0.0.0/8 is
 * this machine, and each process of the tests has an address of its own there. A port that was free at 127.0.0.1 a moment
 * ago may belong to another test now.
 */
export function ownAddress(): { readonly host: string; readonly port: number } {
  const { pid } = process;
  const host = `127.${64 + ((pid >>> 16) & 63)}.${(pid >>> 8) & 255}.${pid & 255}`;
  return { host, port: nextPort++ };
}

/** Below those that the kernel gives to who asks for any. */
let nextPort = 20_000;

/** The same as text: `127.64.3.7:20000`. */
export function ownAddressText(): string {
  const { host, port } = ownAddress();
  return `${host}:${port}`;
}
