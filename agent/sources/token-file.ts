import { readFileSync } from 'node:fs';

/**
 * The bearer token of a file that other programs renew while this one runs: kubelet does so for a service account's
 * token. The file is read for each call, and calls are rare, so the next call after a renewal
 * uses the new token; the client library's own reader looks once a minute by a clock that may jump.
 * While the file cannot be read, the last token is used: it may be valid for hours.
 *
 * throws   Error naming the file, if it never held a token
 */
export function createTokenFile(path: string): () => string {
  let last: string | undefined;
  return () => {
    try {
      // Editors and `echo` end the file with a line end, which a header may not contain.
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
