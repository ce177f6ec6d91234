import type { Run } from '../../backends/command.ts';

export interface Loaded {
  readonly exitCode: number;
  readonly complaints: string;
  /** `nft list ruleset` after loading it. */
  readonly listed: string;
  /** The same after a flush and loading the listed text. */
  readonly again: string;
  /** `nft -j list ruleset`. */
  readonly json: string;
}

/** Loads each text by `nft -f` into an empty network namespace of its own and lists it, twice, all in one shell. */
export async function loadEach(run: Run, texts: readonly string[]): Promise<Loaded[]> {
  const script = texts.map((text) =>
    [
      `unshare --net sh -c 'nft -f - <&3 2>/run/complaints; echo "${mark} $?"; cat /run/complaints; printf "${mark}";`,
      `  nft list ruleset | tee /run/listed; printf "${mark}"; nft -j list ruleset; printf "${mark}";`,
      `  nft flush ruleset; nft -f /run/listed; nft list ruleset' 3<<'${mark}'`,
      `${text}${mark}`,
    ].join('\n'),
  );
  const { exitCode, stdout, stderr } = await run('sh', ['-s'], script.join('\n'));
  const parts = stdout.split(mark);
  if (exitCode !== 0 || parts.length !== texts.length * 4 + 1) throw new Error(`the scratch shell failed: ${stderr}`);
  return texts.map((_, i) => {
    const [status = '', listed = '', json = '', again = ''] = parts.slice(i * 4 + 1, i * 4 + 5);
    const [code = '', ...complaints] = status.split('\n');
    return { exitCode: Number(code), complaints: complaints.join('\n').trim(), listed, json, again };
  });
}

/** A line that appears in no program. */
const mark = '=====SCRATCH=====';

export interface Changed {
  /** The error output for both documents. */
  readonly complaints: string;
  /** `nft list ruleset` at the end. */
  readonly listed: string;
}

/** Loads one document after another into an empty network namespace, for each pair. */
export async function changeEach(
  run: Run,
  pairs: readonly { readonly before: string; readonly change: string }[],
): Promise<Changed[]> {
  const script = pairs.map(({ before, change }) =>
    [
      `unshare --net sh -c 'nft -f - <&3 2>&1; nft -f - <&4 2>&1; printf "${mark}"; nft list ruleset; printf "${mark}"'`,
      ` 3<<'${mark}' 4<<'${mark}'`,
      `\n${before}${mark}`,
      `\n${change}${mark}`,
    ].join(''),
  );
  const { exitCode, stdout, stderr } = await run('sh', ['-s'], script.join('\n'));
  const parts = stdout.split(mark);
  if (exitCode !== 0 || parts.length !== pairs.length * 2 + 1) throw new Error(`the scratch shell failed: ${stderr}`);
  return pairs.map((_, i) => ({ complaints: parts[i * 2] ?? '', listed: parts[i * 2 + 1] ?? '' }));
}
