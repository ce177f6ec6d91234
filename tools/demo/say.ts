import pc from 'picocolors';

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function title(text: string, detail: string): void {
  say(`\n${pc.bold(text)} ${pc.dim(`· ${detail}`)}`);
}

/** A step of the demo: what is done, and its lines below. */
export function step(name: string, ...lines: readonly string[]): void {
  say(`\n${pc.cyan(name)}`);
  for (const line of lines) say(`  ${line}`);
}

/** `member1  15  ███████████████` a line, in the order given. */
export function bars(counts: ReadonlyMap<string, number>): string[] {
  const width = Math.max(...[...counts.keys()].map((name) => name.length));
  return [...counts].map(
    ([name, count]) => `${name.padEnd(width)}  ${String(count).padStart(3)}  ${'█'.repeat(count)}`,
  );
}
