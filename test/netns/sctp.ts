import { fileURLToPath } from 'node:url';

/** Speaks just enough SCTP over a raw socket; see the script for why. */
export const sctpScript = fileURLToPath(new URL('sctp.pl', import.meta.url));
