import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { describe, expect, test, vi } from 'vitest';
import { deferred, JobError, type JobEvent, type Run } from '../../contract/index.ts';
import type { TestDaemon } from '../../jobs/fixtures/test-daemon.ts';
import { ask, bodies, json, model, never, output, startApis as start, token } from '../fixtures/test-apis.ts';
import { KEEP_ALIVE_MS } from './relay.ts';

const chat = (fields: object = {}) => JSON.stringify({ ...bodies['/v1/chat/completions'], ...fields });
const post = (daemon: TestDaemon, fields: object = {}, init: RequestInit = {}) =>
  ask(daemon, '/v1/chat/completions', { fields, ...init });

describe('an answer', () => {
  test('names the request, its jobs and the correlation in its headers', async () => {
    await using daemon = await start(model().infer);
    const { headers } = await post(daemon, { n: 2 }, { headers: { ...json, 'x-correlation-id': 'mine' } });
    expect(headers.get('x-correlation-id')).toBe('mine');
    expect(headers.get('request-id')).toMatch(/^req_[0-9a-f]{32}$/);
    expect(headers.get('x-request-id')).toBe(headers.get('request-id'));
    expect(headers.get('x-rbee-job-id')).toMatch(/^job-[0-9a-f-]{36}, job-[0-9a-f-]{36}$/);
  });

  test('of a failed job has its status and the same headers', async () => {
    await using daemon = await start(model(new JobError('no_room', 'All devices are full')).infer);
    const response = await post(daemon, { stream: true });
    expect(response.status).toBe(503);
    expect(response.headers.get('x-rbee-job-id')).toMatch(/^job-/);
    expect(response.headers.get('x-should-retry')).toBe('true');
    expect(Number(response.headers.get('retry-after-ms'))).toBeGreaterThan(0);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  test('that is streamed begins with the prompt event, before any text', async () => {
    await using daemon = await start(model({ kind: 'prompt', data: { prompt_tokens: 5 } }, never).infer);
    const response = await post(daemon, { stream: true });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
    expect(response.headers.get('cache-control')).toContain('no-cache');
    await response.body?.cancel();
  });

  test('that is streamed begins after a second without an event; a later failure is in the stream', async () => {
    const { promise, resolve } = deferred();
    await using daemon = await start(model(promise, new JobError('model_corrupt', 'Not a model')).infer);
    const response = await post(daemon, { stream: true });
    expect(response.status).toBe(200);
    resolve();
    const text = await response.text();
    expect(text).toMatch(/^data: \{"error":\{"message":"Not a model/);
    expect(text).not.toContain('[DONE]');
  });

  test('a failure after the first text is the last thing in the stream', async () => {
    await using daemon = await start(model(token('Hello'), new JobError('worker_died', 'The worker exited')).infer);
    const parts = (await (await post(daemon, { stream: true })).text()).trimEnd().split('\n\n');
    expect(JSON.parse(parts.at(-1)?.slice('data: '.length) ?? '')).toMatchObject({
      error: { type: 'server_error', rbee_code: 'worker_died' },
    });
    expect(parts.join()).not.toMatch(/finish_reason":"|\[DONE\]/);
  });

  test('says in a comment what it waits for, with text after the colon', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const { promise, resolve } = deferred();
      const loading: JobEvent = {
        kind: 'narration',
        data: {
          actor: 'rbee-hive',
          action: 'load',
          human: 'loading\ntiny',
          job_id: 'j',
          correlation_id: 'c',
          at: '2026-01-01T00:00:00Z',
        },
      };
      const half: JobEvent = {
        kind: 'progress',
        data: { action: 'load', done: 1, total: 2, unit: 'percent', rate: null, eta_s: null },
      };
      await using daemon = await start(model(loading, half, { kind: 'prompt', data: { prompt_tokens: 5 } }, promise).infer);
      const response = await post(daemon, { stream: true });
      const reader = response.body?.getReader();
      vi.advanceTimersByTime(KEEP_ALIVE_MS);
      expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe(': rbee loading tiny (50 %)\n\n');
      resolve();
      await reader?.cancel();
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a client that disconnects', () => {
  test.each([
    ['while its request waits', true, []],
    ['while the prompt is read', true, [{ kind: 'prompt', data: { prompt_tokens: 5 } }]],
    ['in the middle of a stream', true, [token('Hello')]],
    ['from an answer in one piece', false, [token('Hello')]],
  ] as [string, boolean, JobEvent[]][])('%s cancels the job at once', async (_when, stream, events) => {
    const running = model(...events, never);
    await using daemon = await start(running.infer);
    const left = new AbortController();
    const response = post(daemon, { stream }, { signal: left.signal });
    await vi.waitFor(() => expect(running.contexts).toHaveLength(1));
    // The headers of a stream arrive with the first event of its prompt.
    if (events.length > 0 && stream) await response;
    left.abort();
    await response.catch(() => undefined);
    await running.cancelled;
  });

  test('leaves the job running if it asks for that, and takes it up again by its id', async () => {
    const { promise, resolve } = deferred();
    const running = model(token('Hello'), promise, token(' bee'));
    await using daemon = await start(running.infer);
    const left = new AbortController();
    const headers = { ...json, 'x-rbee-on-disconnect': 'continue' };
    const response = await post(daemon, { stream: true }, { signal: left.signal, headers });
    const jobId = response.headers.get('x-rbee-job-id') ?? '';
    left.abort();
    resolve();
    const text = await (await fetch(`${daemon.url}/v1/jobs/${jobId}/stream`)).text();
    expect(text).toContain('event: result');
    expect(daemon.registry.get(jobId).state).toBe('completed');
  });

  test('one of several jobs that fails ends the others', async () => {
    let calls = 0;
    const { promise: cancelled, resolve } = deferred();
    const infer: Run<'infer'> = async function* (_input, { signal }) {
      calls += 1;
      if (calls === 2) throw new JobError('engine_failed', 'It failed');
      yield token('Hello');
      await once(signal, 'abort');
      resolve();
      throw signal.reason;
    };
    await using daemon = await start(infer);
    expect((await post(daemon, { n: 2 })).status).toBe(500);
    await cancelled;
  });
});

test('a client that reads slowly gets all of a long answer', async () => {
  const piece = 'x'.repeat(1_000);
  const infer: Run<'infer'> = async function* () {
    for (let n = 0; n < 20_000; n += 1) yield token(piece);
    return output;
  };
  await using daemon = await start(infer);
  const outgoing = httpRequest(`${daemon.url}/v1/chat/completions`, { method: 'POST', headers: json });
  outgoing.end(chat({ stream: true }));
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const [job] = daemon.registry.find({ where: {}, limit: 1 });
  // Nothing is read until the job has ended.
  await vi.waitFor(() => expect(daemon.registry.get(job?.job_id ?? '').state).toBe('completed'), { timeout: 60_000 });
  let chars = 0;
  let end = '';
  for await (const chunk of incoming) {
    chars += (chunk as Buffer).length;
    end = (end + String(chunk)).slice(-100);
  }
  expect(chars).toBeGreaterThan(20_000 * 1_000);
  expect(end).toMatch(/data: \[DONE\]\n\n$/);
});

describe('a body', () => {
  const big = { messages: [{ role: 'user', content: 'a'.repeat(5 * 1024 * 1024) }] };
  test('of more than 4 MiB is accepted, up to 32', async () => {
    await using daemon = await start(model().infer);
    expect((await post(daemon, big)).status).toBe(200);
    const response = await post(daemon, {}, { body: 'a'.repeat(33 * 1024 * 1024) });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error', rbee_code: 'body_too_large' } });
  });
});

describe('callers', () => {
  const page = { ...json, origin: 'https://app.example' };
  test('a page is refused, with what to do, until its origin is allowed', async () => {
    await using daemon = await start(model().infer);
    const response = await post(daemon, {}, { headers: page });
    expect([response.status, await response.text()]).toEqual([
      403,
      expect.stringContaining('RBEE_ORIGINS=https://app.example') as string,
    ]);
  });

  test('an allowed origin gets its preflights and answers, and nothing of the rest of the daemon', async () => {
    await using daemon = await start(model().infer, { origins: 'http://other, https://*.example', token: 'secret' });
    const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,x-stainless-os' };
    const preflight = await fetch(`${daemon.url}/v1/chat/completions`, { method: 'OPTIONS', headers: { ...page, ...asked } });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toBe('authorization,x-stainless-os');
    expect(preflight.headers.get('access-control-allow-origin')).toBe('https://app.example');
    const answer = await post(
      daemon,
      {},
      { headers: { ...page, 'sec-fetch-site': 'cross-site', authorization: 'Bearer secret' } },
    );
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, 'https://app.example']);
    for (const path of ['/v1/jobs', '/v1/%6Aobs', '/health']) {
      const response = await fetch(`${daemon.url}${path}`, { headers: { ...page, authorization: 'Bearer secret' } });
      expect([path, response.status]).toEqual([path, 403]);
    }
  });

  test.each(['authorization', 'x-api-key', 'api-key'])('the token may be in %s', async (name) => {
    await using daemon = await start(model().infer, { token: 'secret' });
    const value = (key: string) => (name === 'authorization' ? `Bearer ${key}` : key);
    expect((await post(daemon, {}, { headers: { ...json, [name]: value('secret') } })).status).toBe(200);
    const refused = await post(daemon, {}, { headers: { ...json, [name]: value('wrong') } });
    expect([refused.status, await refused.json()]).toMatchObject([401, { error: { code: 'invalid_api_key' } }]);
  });

  test.each(['/v1/nothing', '/v1/v1/chat/completions'])('%s is not found, in the shape of the API', async (path) => {
    await using daemon = await start(model().infer);
    const response = await fetch(`${daemon.url}${path}`);
    const body = (await response.json()) as { error: { message: string; type: string } };
    expect([response.status, body.error.type]).toEqual([404, 'invalid_request_error']);
    expect(body.error.message.includes('Did you mean /v1/chat/completions?')).toBe(path.startsWith('/v1/v1'));
    expect(await (await fetch(`${daemon.url}/v1/jobs/job-1`)).json()).toMatchObject({ error: { code: 'job_not_found' } });
  });
});
