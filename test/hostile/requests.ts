/** A faulty or nearly good request that a client may send, made from numbers in [0, 1). */
export function hostileRequest(random: () => number): Buffer {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  // A part that is mostly good. The good value is first in its list: otherwise no request would pass its request line.
  const part = (values: readonly string[]): string => (random() < 0.6 ? (values[0] ?? '') : pick(values));
  const request = (): string => `${part(methods)} ${pick(targets)} ${part(versions)}${part(headers)}${part(bodies)}`;
  const kind = random();
  if (kind < 0.1) return Buffer.from(Array.from({ length: 1 + Math.floor(random() * 400) }, () => random() * 256));
  if (kind < 0.25)
    return Buffer.from(Array.from({ length: 2 + Math.floor(random() * 40) }, request).join(''), 'latin1');
  const bytes = Buffer.from(request(), 'latin1');
  if (kind < 0.6) return bytes;
  if (kind < 0.75) return bytes.subarray(0, Math.floor(random() * bytes.length));
  for (let change = 0; change < 1 + random() * 8; change++) bytes[Math.floor(random() * bytes.length)] = random() * 256;
  return bytes;
}

const methods = [
  ...['GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'OPTIONS', 'TRACE', 'CONNECT', 'PRI', 'M-SEARCH', 'SOURCE'],
  ...['get', '', 'G\0T', 'GET\t', '\xff\xfe', 'A'.repeat(9_000)],
];

const targets = [
  ...['/healthz', '/livez', '/metrics', '/slicewright/status', '/configz', '/', '//', '///', '//metrics', '/\\', '\\'],
  ...[
    '/..',
    '/%',
    '/%zz',
    '/%00',
    '/%ff%fe',
    '/\0',
    '?',
    '#',
    '/?',
    '/#',
    '/?//',
    '*',
    '',
    ' ',
    '/ /',
    '/a b',
    ':',
    '.',
  ],
  ...['http://', 'http:///', 'http://[::', 'http://[::]:x/', 'http://a:99999/', 'http://a/metrics', 'http:/metrics'],
  ...[
    'https://%/healthz',
    'ftp://x/',
    '//[',
    '//a:b@c:d',
    'a:80',
    '[::1]:80',
    'javascript:0',
    'http://\xff/',
    '/\u0080',
  ],
  ...['/__proto__', '/constructor', '/toString', `/${'a'.repeat(7_000)}`, `/${'%'.repeat(20_000)}`],
];

const versions = [
  ...['HTTP/1.1\r\n', 'HTTP/1.1\r\n', 'HTTP/1.1\r\n', 'HTTP/1.0\r\n', 'HTTP/0.9\r\n', 'HTTP/2.0\r\n', 'HTTP/9.9\r\n'],
  ...[
    'HTTP/1.1\n',
    'HTTP/1.1\r',
    'HTTP/\r\n',
    'http/1.1\r\n',
    'HTTP/1.1 x\r\n',
    '\r\n',
    '',
    'HTTP/1.1\0\r\n',
    'RTSP/1.0\r\n',
  ],
];

const headers = [
  ...[
    'Host: a\r\n\r\n',
    'Host: a\r\n\r\n',
    'Host: a\r\n\r\n',
    '\r\n',
    '',
    'Host:\r\n\r\n',
    'Host: a\r\nHost: b\r\n\r\n',
  ],
  ...['Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n', 'Host: a\r\nUpgrade: h2c\r\n\r\n'],
  'Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
  ...[
    'Host: a\r\nConnection: keep-alive\r\n\r\n',
    'Host: a\r\nConnection: close\r\n\r\n',
    'Host: a\r\nConnection: \0\r\n\r\n',
  ],
  ...['Host: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n', 'Host: a\r\nExpect: tea\r\n\r\n'],
  ...[
    'Host: a\r\nContent-Length: 5\r\n\r\n',
    'Host: a\r\nContent-Length: -1\r\n\r\n',
    'Host: a\r\nContent-Length: 1e9\r\n\r\n',
  ],
  ...[
    'Host: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n',
    'Host: a\r\nContent-Length: 99999999999999999999\r\n\r\n',
  ],
  ...['Host: a\r\nTransfer-Encoding: chunked\r\n\r\n', 'Host: a\r\nTransfer-Encoding: gzip\r\n\r\n'],
  'Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n',
  ...[
    ' folded: x\r\n\r\n',
    ': none\r\n\r\n',
    'a b: c\r\n\r\n',
    'Host: a\r\nX: \x01\x7f\r\n\r\n',
    'Host: a\r\nX: \u00e9\r\n\r\n',
  ],
  ...[`Host: a\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`, `Host: a\r\n${'X: y\r\n'.repeat(3_000)}\r\n`, 'x'.repeat(9_000)],
];

const bodies = [
  ...[
    '',
    '',
    '',
    '',
    'hello',
    '5\r\nhello\r\n0\r\n\r\n',
    '0\r\n\r\n',
    'zz\r\n',
    'ffffffffffffffffff\r\n',
    '-1\r\n',
    '5\r\nhel',
  ],
  ...[
    `5;${'e'.repeat(20_000)}\r\nhello\r\n`,
    '0\r\nTrailer: x\r\n\r\n',
    '\0'.repeat(64),
    'b'.repeat(100_000),
    '\r\n\r\n\r\n',
  ],
];
