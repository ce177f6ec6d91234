/** The outcome of one command. A command that could not be started has no exit code. */
export interface CommandResult {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /**
   * Set when the command did not run to its end by itself. `not-started`: there was no room for another process, as when
   * file descriptors or memory ran out; standard error says which.
   */
  readonly failure?: 'not-found' | 'not-started' | 'no-permission' | 'timeout' | 'killed' | 'output-too-long';
}

/**
 * The one seam to the kernel. Its implementations: a fake that keeps tables in memory, a network
 * namespace, and the host. Never rejects for what a command did; arguments are passed as they
 * are, without a shell.
 */
export type Run = (file: string, args: readonly string[], input?: string) => Promise<CommandResult>;

/**
 * What a tool complains of, in one line: its first, without its own name before it.
 *
 * tool   undefined: its name stays
 */
export function complaintOf({ stderr }: Pick<CommandResult, 'stderr'>, tool?: string): string {
  const [line = ''] = stderr.trim().split('\n');
  return tool !== undefined && line.startsWith(`${tool}: `) ? line.slice(tool.length + 2) : line;
}
