import { readFileSync } from 'node:fs';

/**
 * The bearer token of a file that others renew while we run: kubelet does so to the token of a
 * service account. Read anew for each call, which is seldom, so that the next one after a renewal
 * has the new token; the client library's own reader looks once a minute of a clock that may jump.
 * While the file cannot be read, the last token serves: it may be good for hours.
 *
 * throws   Error naming the file, when there never was a token in it
 */
export function createTokenFile(path: string): () => string {
  let last: string | undefined;
  return () => {
    try {
      // A line end is what editors and `echo` leave; it may not stand in a header.
      const token = readFileSync(path, 'utf8').trim();
      if (token === '') throw new Error('it is empty');
      last = token;
    } catch (error) {
      if (last === undefined)
        throw new Error(`the token file ${path} cannot be used: ${textOf(error)}`, { cause: error });
    }
    return last;
  };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
