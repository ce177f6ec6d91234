/** Connection problems with an API server, by the code that Node gives an error. */
const reasons: Readonly<Record<string, string>> = {
  ...every(
    [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'CERT_SIGNATURE_FAILURE',
    ],
    'its certificate is not signed by an authority in certificate-authority',
  ),
  CERT_HAS_EXPIRED: "its certificate has expired, or this node's clock is wrong",
  CERT_NOT_YET_VALID: "its certificate is not valid yet, or this node's clock is wrong",
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for other names than the one in server (see tls-server-name)',
};

/** OpenSSL's own words, for codes that only say that TLS failed (EPROTO), or that differ by version of TLS. */
const said: readonly (readonly [RegExp, string])[] = [
  [/wrong version number|packet length too long|unexpected message/i, 'it does not speak TLS'],
  [
    /alert (certificate|bad certificate|unknown ca|access denied)/i,
    "it does not accept slicewright's client certificate",
  ],
];

function every(codes: readonly string[], reason: string): Readonly<Record<string, string>> {
  return Object.fromEntries(codes.map((code) => [code, reason]));
}

/** A connection error in one line: the problem, in the words of a kubeconfig, and Node's message. */
export function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // If a name has several addresses, each was tried, and the error that reports this has no text.
  if (error instanceof AggregateError && error.errors.length > 0) {
    return [...new Set(error.errors.map((one: unknown) => problemOf(one)))].join('; ');
  }
  const { code } = error as NodeJS.ErrnoException;
  const text = error.message === '' ? (code ?? error.name) : error.message.trim();
  const reason = reasons[code ?? ''] ?? said.find(([words]) => words.test(text))?.[1];
  return reason === undefined ? text : `${reason}: ${text}`;
}
