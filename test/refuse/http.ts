import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { refusalCode } from './answer.ts';
import { refusedBelow, refusedRequests, servedRequests } from './odd-requests.ts';
import { daemons } from './one-fleet.ts';
import { rawExchange } from './raw-exchange.ts';
import { expectSameProcess, residentMb, settledMb } from './three-daemons.ts';

const seed = Number(process.env['RBEE_FUZZ_SEED'] ?? 20_261_121);
const CONNECTIONS = 50;
/** The soak has many times more of each. */
const TIMES = Number(process.env['RBEE_FUZZ_TIMES'] ?? 1);
const RUNS = 10 * TIMES;
const GROWTH_MB = 30;

export function http(): void {
  describe.each(['queen', 'hive', 'worker'] as const)('a %s', (role) => {
    test.each(refusedRequests)('refuses %s with an rbee error', async (_name, request, code) => {
      const { answers } = await rawExchange(daemons[role].port, request);
      expect(answers).toHaveLength(1);
      const [{ status, body } = { status: 0, body: '' }] = answers;
      expect(refusalCode(status, body)).toBe(code);
    });

    test.each(refusedBelow)('refuses %s', async (_name, request) => {
      const { answers } = await rawExchange(daemons[role].port, request);
      expect(answers).toHaveLength(1);
      const [{ status, body } = { status: 0, body: '' }] = answers;
      expect(['bad_request', 'not_found', 'forbidden_origin', 'invalid_json', 'missing_operation']).toContain(
        refusalCode(status, body),
      );
    });

    test.each(['/%zz', '/v1/jobs/%ff', `/v1/jobs/${'a'.repeat(129)}`])(
      'decides who may call before it reads the path: %s',
      async (path) => {
        const { answers } = await rawExchange(daemons[role].port, `GET ${path} HTTP/1.1\r\nHost: evil.example\r\n\r\n`);
        expect(answers).toMatchObject([{ status: 403 }]);
      },
    );

    test.each(servedRequests)('serves %s', async (_name, request, count) => {
      const { answers } = await rawExchange(daemons[role].port, request, { answers: count });
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: count }, () => 200));
    });

    test('closes the connection on CONNECT', async () => {
      const asked = await rawExchange(daemons[role].port, 'CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\n\r\n');
      expect(asked).toEqual({ answers: [], isClosed: true });
    });

    test('survives requests that are cut at any byte, and bytes that are almost a request', async () => {
      const daemon = daemons[role];
      const before = residentMb(daemon);
      const connections = fc.array(brokenRequest, { minLength: CONNECTIONS, maxLength: CONNECTIONS });
      const property = fc.asyncProperty(connections, async (all) => {
        await Promise.all(
          all.map(async ({ bytes, then }) => {
            const { answers, isClosed } = await rawExchange(daemon.port, bytes, { then, answers: Infinity });
            expect(isClosed, 'it closes what is over').toBe(true);
            for (const { status } of answers) expect(status).toBeLessThan(500);
          }),
        );
      });
      await fc.assert(property, { seed, numRuns: RUNS });
      await expectSameProcess(daemon);
      const bound = before + GROWTH_MB;
      expect(await settledMb(daemon, bound)).toBeLessThan(bound);
    });

    test('reads Last-Event-ID as a number of this job or refuses it', async () => {
      const { url } = daemons[role];
      const posted = await fetch(`${url}/v1/jobs`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ operation: 'infer', model: 'no-such-model', worker_id: 'worker-missing', prompt: 'x' }),
      });
      const { sse_url } = (await posted.json()) as { sse_url: string };
      const whole = await (await fetch(url + sse_url)).text();
      const last = Math.max(...[...whole.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id)));
      const property = fc.asyncProperty(lastEventId, async (id) => {
        const answer = await fetch(url + sse_url, { headers: { 'last-event-id': id } });
        const text = await answer.text();
        // fetch takes the spaces around a value away, as HTTP has it.
        const sent = id.trim();
        const isKnown = sent === '' || (/^\d{1,15}$/.test(sent) && Number(sent) <= last);
        if (!isKnown) return void expect(refusalCode(answer.status, text)).toBe('invalid_input');
        expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
        expect(whole.endsWith(text)).toBe(true);
      });
      await fc.assert(property, { seed, numRuns: 100 * TIMES });
    });

    test('finds no job by an id that it did not create', async () => {
      const { url } = daemons[role];
      const property = fc.asyncProperty(jobId, jobRoute, async (id, [method, suffix]) => {
        const answer = await fetch(`${url}/v1/jobs/${encodeURIComponent(id)}${suffix}`, { method });
        expect(refusalCode(answer.status, await answer.text())).toBe('job_not_found');
      });
      await fc.assert(property, { seed, numRuns: 100 * TIMES });
    });

    test('accepts any header, and returns only valid ones', async () => {
      const { url } = daemons[role];
      const property = fc.asyncProperty(oddHeaders, async (headers) => {
        const answer = await fetch(`${url}/v1/jobs`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body: '{',
        });
        expect(['invalid_json', 'forbidden_origin', 'unsupported_media_type']).toContain(
          refusalCode(answer.status, await answer.text()),
        );
        expect(answer.headers.get('x-correlation-id') ?? 'none').toMatch(/^[A-Za-z0-9._:-]{1,128}$/);
      });
      await fc.assert(property, { seed, numRuns: 150 * TIMES });
    });
  });
}

const whole = [
  'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET /v1/jobs?limit=3 HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n',
  'GET /v1/jobs/job-missing/stream HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 3\r\n\r\n',
  'DELETE /v1/jobs/job-missing HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n{"operation":"nothing"}',
  'POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"ope\r\n0\r\n\r\n',
  'POST /v1/worker-heartbeat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
];

/** A request, cut off or damaged, whose sender is then done with it. */
const brokenRequest = fc
  .record({
    text: fc.constantFrom(...whole),
    keep: fc.oneof(fc.nat(250), fc.constant(250)),
    damage: fc.array(fc.record({ at: fc.nat(200), out: fc.nat(4), put: fc.uint8Array({ maxLength: 4 }) }), { maxLength: 3 }),
    then: fc.constantFrom('end' as const, 'break' as const),
  })
  .map(({ text, keep, damage, then }) => {
    const damaged = damage.reduce(
      (bytes, { at, out, put }) => Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + out)]),
      Buffer.from(text),
    );
    return { bytes: damaged.subarray(0, keep), then };
  });

const jobId = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
    fc.uuid().map((id) => `job-${id}`),
    fc.constantFrom('../job-x', 'job-x.ndjson', 'job-\0', 'job-x/../../y', 'JOB-X', 'job-%2e%2e', "job-' OR '1'='1"),
  )
  // These two a URL takes for a step in its path.
  .filter((id) => id !== '.' && id !== '..');
const jobRoute = fc.constantFrom<[method: string, suffix: string]>(
  ['GET', ''],
  ['GET', '/stream'],
  ['GET', '/trace'],
  ['DELETE', ''],
);

const lastEventId = fc.oneof(
  fc.nat(20).map(String),
  fc
    .constantFrom(
      '',
      ' ',
      '-1',
      '+1',
      '1.5',
      '1e3',
      '0x1',
      '999999999999999',
      '9999999999999999',
      '٣',
      'NaN',
      '1,2',
      '1 2',
      '__proto__',
    )
    .filter(isLatin1),
  fc.stringMatching(/^[!-~]{1,30}$/),
);

function isLatin1(text: string): boolean {
  return /^[\x00-\xff]*$/.test(text);
}

const headerName = fc.constantFrom(
  ...[
    'x-correlation-id',
    'traceparent',
    'tracestate',
    'idempotency-key',
    'last-event-id',
    'origin',
    'authorization',
    'cookie',
    'accept',
  ],
  ...[
    'accept-encoding',
    'content-type',
    'content-encoding',
    'x-forwarded-host',
    'x-forwarded-for',
    'forwarded',
    'referer',
    'range',
    'if-match',
  ],
  ...['x-http-method-override', 'accept-version', '__proto__', 'constructor', 'x-request-id', 'user-agent', 'te', 'via'],
);
const headerValue = fc.oneof(
  fc.stringMatching(/^[!-~]([ -~]{0,40}[!-~])?$/),
  fc.constantFrom(
    '',
    'null',
    '*',
    'evil.example',
    'http://evil.example',
    '../../etc/passwd',
    '00-0-0-0',
    'a'.repeat(4_000),
    'é'.repeat(30),
  ),
  fc.constantFrom('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', `a${'.'.repeat(127)}`, `a${'.'.repeat(128)}`),
);
const oddHeaders = fc.dictionary(headerName, headerValue, { minKeys: 1, maxKeys: 5, noNullPrototype: true });
