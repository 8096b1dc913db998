import type { ErrorCode } from '../../src/contract/index.ts';

const HOST = 'Host: localhost';
const JSON_TYPE = 'Content-Type: application/json';

function request(line: string, headers: string[] = [HOST], body = ''): string {
  return `${[line, ...headers].join('\r\n')}\r\n\r\n${body}`;
}

function post(headers: string[], body: string): string {
  return request('POST /v1/jobs HTTP/1.1', [HOST, ...headers], body);
}

const long = (length: number) => 'a'.repeat(length);

/** Requests that reach the daemon: it refuses them with an rbee error. */
export const refusedRequests: [name: string, request: string, code: ErrorCode][] = [
  ['HTTP/0.9', 'GET /health\r\n\r\n', 'forbidden_origin'],
  ['HTTP/1.0 without a Host', request('GET /health HTTP/1.0', []), 'forbidden_origin'],
  ['a Host of another site', request('GET /health HTTP/1.1', ['Host: evil.example']), 'forbidden_origin'],
  [
    'a Host of another site and a path that is not there',
    request('GET /nowhere HTTP/1.1', ['Host: evil.example']),
    'forbidden_origin',
  ],
  ...['PUT', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'PURGE', 'SEARCH', 'M-SEARCH', 'SUBSCRIBE', 'DELETE', 'LINK'].map(
    (method): [string, string, ErrorCode] => [method, request(`${method} /v1/jobs HTTP/1.1`), 'not_found'],
  ),
  ['OPTIONS *', request('OPTIONS * HTTP/1.1'), 'not_found'],
  ['a path upwards', request('GET /v1/jobs/../../etc/passwd HTTP/1.1'), 'not_found'],
  ['a path with a null', request('GET /%00 HTTP/1.1'), 'not_found'],
  ['two slashes', request('GET //health HTTP/1.1'), 'not_found'],
  ['a semicolon', request('GET /health;x=y HTTP/1.1'), 'not_found'],
  ['another case', request('GET /HEALTH HTTP/1.1'), 'not_found'],
  ['a long path', request(`GET /${long(8_000)} HTTP/1.1`), 'not_found'],
  ['a long query', request(`GET /v1/jobs?${long(3_000)} HTTP/1.1`), 'invalid_input'],
  ['a query of prototypes', request('GET /v1/jobs?__proto__=1&constructor[prototype]=2 HTTP/1.1'), 'invalid_input'],
  ['a query given twice', request('GET /v1/jobs?limit=1&limit=2 HTTP/1.1'), 'invalid_input'],
  ...['0', '-1', '1001', '1e999', 'NaN', '0x', '%00', '1;drop'].map((limit): [string, string, ErrorCode] => [
    `a limit of ${limit}`,
    request(`GET /v1/jobs?limit=${limit} HTTP/1.1`),
    'invalid_input',
  ]),
  ...[
    '..%2f..%2fetc%2fpasswd',
    '..%5c..%5c',
    '%00',
    '%0d%0aX:%20y',
    '__proto__',
    'constructor',
    '%F0%9F%90%9D',
    '.',
    'job-',
    long(128),
  ].flatMap((id): [string, string, ErrorCode][] => [
    [`the job ${id.slice(0, 30)}`, request(`GET /v1/jobs/${id} HTTP/1.1`), 'job_not_found'],
    [`the stream of ${id.slice(0, 30)}`, request(`GET /v1/jobs/${id}/stream HTTP/1.1`), 'job_not_found'],
    [`the trace of ${id.slice(0, 30)}`, request(`GET /v1/jobs/${id}/trace HTTP/1.1`), 'job_not_found'],
    [`cancelling ${id.slice(0, 30)}`, request(`DELETE /v1/jobs/${id} HTTP/1.1`), 'job_not_found'],
  ]),
  ['no body', post([JSON_TYPE], ''), 'invalid_json'],
  ['an empty body', post([JSON_TYPE, 'Content-Length: 0'], ''), 'invalid_json'],
  ['no type', post(['Content-Length: 2'], '{}'), 'missing_operation'],
  ['no type, from a browser', post(['Sec-Fetch-Site: same-origin', 'Content-Length: 2'], '{}'), 'unsupported_media_type'],
  ...[
    'text/plain',
    'text/plain; application/json',
    'application/xml',
    'multipart/form-data; boundary=x',
    '///;;;',
    'application/jsonx',
    '*/*',
    long(5_000),
  ].map((type): [string, string, ErrorCode] => [
    `the type ${type.slice(0, 40)}`,
    post([`Content-Type: ${type}`, 'Content-Length: 2'], '{}'),
    'unsupported_media_type',
  ]),
  [
    'a type for DELETE',
    request('DELETE /v1/jobs/x HTTP/1.1', [HOST, 'Content-Type: text/xml', 'Content-Length: 3'], 'abc'),
    'unsupported_media_type',
  ],
  [
    'a body that says it is packed',
    post([JSON_TYPE, 'Content-Encoding: gzip', 'Content-Length: 3'], '\x1f\x8b\x08'),
    'invalid_json',
  ],
  [
    'a body of another alphabet',
    post(['Content-Type: application/json; charset=utf-16', 'Content-Length: 4'], '{\0}\0'),
    'invalid_json',
  ],
  [
    'a form from a browser',
    post(['Content-Type: application/x-www-form-urlencoded', 'Sec-Fetch-Site: same-origin', 'Content-Length: 2'], '{}'),
    'unsupported_media_type',
  ],
  ['a length over the limit', post([JSON_TYPE, 'Content-Length: 99999999999'], '{}'), 'body_too_large'],
  [
    'a key of spaces',
    post([JSON_TYPE, 'Idempotency-Key: a b', 'Content-Length: 25'], '{"operation":"infer"    }'),
    'invalid_input',
  ],
  [
    'two keys',
    post([JSON_TYPE, 'Idempotency-Key: a', 'Idempotency-Key: b', 'Content-Length: 25'], '{"operation":"infer"    }'),
    'invalid_input',
  ],
  [
    'two sites',
    request('GET /health HTTP/1.1', [HOST, 'Sec-Fetch-Site: none', 'Sec-Fetch-Site: cross-site']),
    'forbidden_origin',
  ],
];

/** What is no HTTP, or too much of it: the layer below the daemon refuses it. */
export const refusedBelow: [name: string, request: string][] = [
  ['a greeting in TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['a greeting in HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a greeting in SSH', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['no Host', request('GET /health HTTP/1.1', [])],
  ['an unknown method', request('BREW / HTTP/1.1')],
  ['a method in small letters', request('get /health HTTP/1.1')],
  ['a version to come', request('GET /health HTTP/9.9')],
  ['no path', request('GET  HTTP/1.1')],
  ['a space in the path', request('GET /a b HTTP/1.1')],
  ['a path of 100 kB', request(`GET /${long(100_000)} HTTP/1.1`)],
  ['a header of 100 kB', request('GET /health HTTP/1.1', [HOST, `X: ${long(100_000)}`])],
  ['line ends of one character', 'GET /health HTTP/1.1\nHost: localhost\n\n'],
  ['a null in a header', request('GET /health HTTP/1.1', [HOST, 'X: a\0b'])],
  ['a header over two lines', request('GET /health HTTP/1.1', [HOST, 'X: a\r\n b'])],
  ['a space in the name of a header', request('GET /health HTTP/1.1', [HOST, 'X Y: a'])],
  ['a header without a colon', request('GET /health HTTP/1.1', [HOST, 'nothing'])],
  ['two lengths', post([JSON_TYPE, 'Content-Length: 2', 'Content-Length: 3'], '{}')],
  ['a negative length', post([JSON_TYPE, 'Content-Length: -2'], '{}')],
  ['a length beyond all numbers', post([JSON_TYPE, 'Content-Length: 99999999999999999999'], '{}')],
  ['a length and pieces', post([JSON_TYPE, 'Content-Length: 2', 'Transfer-Encoding: chunked'], '0\r\n\r\n')],
  ['another coding than pieces', post([JSON_TYPE, 'Transfer-Encoding: gzip'], '{}')],
  ['pieces without a size', post([JSON_TYPE, 'Transfer-Encoding: chunked'], 'zz\r\n{}\r\n')],
  ['pieces longer than they say', post([JSON_TYPE, 'Transfer-Encoding: chunked'], '2\r\n{}}}\r\n')],
  ['an expectation that cannot be met', post([JSON_TYPE, 'Expect: 200-maybe', 'Content-Length: 2'], '{}')],
  ['half a character in the path', request('GET /v1/jobs/%ff%fe HTTP/1.1')],
  ['a broken escape in the path', request('GET /v1/jobs/%zz HTTP/1.1')],
  ['a broken escape, asked for under another name', request('GET /%zz HTTP/1.1', ['Host: evil.example'])],
  ['the id of a job that is longer than any', request(`GET /v1/jobs/${long(129)} HTTP/1.1`)],
];

/** What is served, for its form is odd and nothing else. */
export const servedRequests: [name: string, request: string, answers: number][] = [
  ['three requests at once', request('GET /health HTTP/1.1').repeat(3), 3],
  ['an upgrade that is not offered', request('GET /health HTTP/1.1', [HOST, 'Connection: Upgrade', 'Upgrade: websocket']), 1],
  ['a whole URL in place of the path', request('GET http://evil.example/health HTTP/1.1'), 1],
  ['two thousand headers', request('GET /health HTTP/1.1', [HOST, ...Array.from({ length: 2_000 }, () => 'X:')]), 1],
];
