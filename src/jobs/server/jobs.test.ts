import { EventEmitter, once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { deferred, JobError, type Handlers } from '../../contract/index.ts';
import { startTestDaemon, type TestDaemon } from '../fixtures/test-daemon.ts';
import { counting, post, postList, readAll, readFirst, streamText, talkative, token } from '../fixtures/test-jobs.ts';
import { openMemoryCatalog } from '../catalog/memory-catalog.ts';
import { openMemoryEventLog } from '../log/memory-event-log.ts';

describe('POST /v1/jobs', () => {
  test('answers with the job id, the URL of its stream, and its correlation id', async () => {
    await using daemon = await startTestDaemon({ handlers: { worker_list: counting(1) } });
    const { status, body, headers } = await post(daemon, { operation: 'worker_list' });
    expect(status).toBe(200);
    expect(body['job_id']).toMatch(/^job-[0-9a-f-]{36}$/);
    expect(body['sse_url']).toBe(`/v1/jobs/${String(body['job_id'])}/stream`);
    expect(body['correlation_id']).toMatch(/^[0-9a-f]{32}$/);
    expect(headers.get('x-correlation-id')).toBe(body['correlation_id']);
  });

  test('uses the correlation id of the caller, or the trace id of its traceparent', async () => {
    await using daemon = await startTestDaemon({ handlers: { worker_list: counting(1) } });
    const own = await post(daemon, { operation: 'worker_list' }, { 'x-correlation-id': 'corr-xyz789' });
    expect(own.body['correlation_id']).toBe('corr-xyz789');
    const trace = 'a'.repeat(32);
    const traced = await post(daemon, { operation: 'worker_list' }, { traceparent: `00-${trace}-${'b'.repeat(16)}-01` });
    expect(traced.body['correlation_id']).toBe(trace);
  });

  test.each([
    ['{', 400, 'invalid_json'],
    ['{}', 400, 'missing_operation'],
    ['{"operation":"worker_lst"}', 400, 'unknown_operation'],
    ['{"operation":"hive_list"}', 400, 'operation_not_supported'],
    ['{"operation":"worker_list","hive_id":7}', 422, 'invalid_input'],
    [`{"operation":"worker_list","hive_id":"${'x'.repeat(5_000_000)}"}`, 413, 'body_too_large'],
  ])('refuses %.40s with %i %s', async (body, status, code) => {
    await using daemon = await startTestDaemon({ handlers: { worker_list: counting(1) } });
    const answer = await post(daemon, body);
    expect(answer.status).toBe(status);
    expect(answer.body['error']).toMatchObject({ code, origin: 'rbee-hive', retryable: false });
    expect(daemon.registry.running).toBe(0);
  });

  test.each([
    ['what curl -d sends without a header', 'application/x-www-form-urlencoded'],
    ['a body without a type', undefined],
  ])('accepts %s, but never from a browser', async (_what, type) => {
    await using daemon = await startTestDaemon({ handlers: { worker_list: counting(1) } });
    const send = async (headers: Record<string, string>) => {
      const body = Buffer.from('{"operation":"worker_list"}');
      const { status } = await fetch(`${daemon.url}/v1/jobs`, {
        method: 'POST',
        headers: { ...(type !== undefined && { 'content-type': type }), ...headers },
        body,
      });
      return status;
    };
    expect(await send({})).toBe(200);
    expect(await send({ origin: daemon.url })).toBe(415);
    expect(await send({ 'sec-fetch-site': 'same-origin' })).toBe(415);
    expect(await send({ 'content-type': 'text/plain' })).toBe(415);
  });

  test('the same Idempotency-Key returns the same job, for simultaneous requests too; another body is refused', async () => {
    await using daemon = await startTestDaemon({ handlers: { worker_list: counting(1) } });
    const key = { 'idempotency-key': 'once' };
    const ids = await Promise.all([postList(daemon, key), postList(daemon, key), postList(daemon, key)]);
    expect(new Set([...ids, await postList(daemon, key)]).size).toBe(1);
    expect((await post(daemon, { operation: 'worker_list', hive_id: 'other' }, key)).body['error']).toMatchObject({
      code: 'idempotency_mismatch',
    });
  });

  test('another body with the key of a request in progress is refused', async () => {
    await using daemon = await startTestDaemon({ handlers: { worker_list: counting(1) } });
    const key = { 'idempotency-key': 'once' };
    const answers = await Promise.all(['a', 'b'].map((hive_id) => post(daemon, { operation: 'worker_list', hive_id }, key)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
  });

  test('a daemon that is shutting down accepts no more jobs', async () => {
    await using daemon = await startTestDaemon({ handlers: { worker_list: counting(1, deferred().promise) } });
    await readFirst(daemon.peer, await postList(daemon), 1);
    const closing = daemon.registry.close();
    expect((await post(daemon, { operation: 'worker_list' })).body['error']).toMatchObject({
      code: 'shutting_down',
      retryable: true,
    });
    await closing;
  });

  test('a job without readers runs and ends', async () => {
    await using daemon = await startTestDaemon({ handlers: { worker_list: counting(3) } });
    const jobId = await postList(daemon);
    expect((await readAll(daemon.peer, jobId)).at(-1)).toMatchObject({ seq: 4, kind: 'result' });
    expect(daemon.registry.get(jobId).state).toBe('completed');
  });
});

describe('GET /v1/jobs/{id}/stream', () => {
  test('a stream is numbered without gaps and ends with one terminal event and [DONE] (J3)', async () => {
    await using daemon = await startTestDaemon({ handlers: { worker_list: counting(2) } });
    const text = await streamText(daemon, await postList(daemon));
    expect(text).toBe(
      [
        'id: 1\nevent: token\ndata: {"text":"1 "}\n\n',
        'id: 2\nevent: token\ndata: {"text":"2 "}\n\n',
        'id: 3\nevent: result\ndata: {"workers":[]}\n\n',
        'data: [DONE]\n\n',
      ].join(''),
    );
  });

  test('any number of readers, connected at any time and after any event, get every event exactly once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 300 }),
        fc.array(fc.nat(600), { minLength: 1, maxLength: 6 }),
        async (count, starts) => {
          const gate = deferred();
          await using daemon = await startTestDaemon({ handlers: { worker_list: counting(count, gate.promise) } });
          const jobId = await postList(daemon);
          const afters = starts.map((start) => start % (count + 1));
          await readFirst(daemon.peer, jobId, count);
          const early = afters.map((after) => readAll(daemon.peer, jobId, after));
          gate.resolve();
          const late = afters.map((after) => readAll(daemon.peer, jobId, after));
          for (const [index, events] of [...(await Promise.all(early)), ...(await Promise.all(late))].entries()) {
            const after = afters[index % afters.length] ?? 0;
            expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 2 * count + 1 - after }, (_, n) => after + n + 1));
          }
        },
      ),
      { numRuns: 15 },
    );
  });

  test('a stalled reader costs no memory, and gets every event once it reads (J5)', async () => {
    const count = 20_000;
    await using daemon = await startTestDaemon({ handlers: { worker_list: counting(count) } });
    const jobId = await postList(daemon);
    const slow = httpRequest(`${daemon.url}/v1/jobs/${jobId}/stream`, { agent: false }).end();
    const [response] = (await once(slow, 'response')) as [IncomingMessage];
    response.pause();
    await readAll(daemon.peer, jobId);
    let text = '';
    response
      .setEncoding('utf8')
      .on('data', (chunk: string) => (text += chunk))
      .resume();
    await once(response, 'end');
    expect(text.match(/^id: /gm)).toHaveLength(count + 1);
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  test('?format=text is readable text: [actor] human, unchanged tokens, [DONE]', async () => {
    const handlers: Handlers = {
      worker_list: async function* ({ hive_id }, { jobId, correlationId }) {
        yield {
          kind: 'narration',
          data: {
            actor: 'rbee-hive',
            action: 'x',
            human: `looking at ${hive_id}`,
            job_id: jobId,
            correlation_id: correlationId,
            at: 'now',
          },
        };
        yield token('two\nlines');
        return { workers: [] };
      },
    };
    await using daemon = await startTestDaemon({ handlers });
    const text = await streamText(daemon, await postList(daemon), { format: 'text' });
    expect(text).toBe(
      'data: [rbee-hive] looking at localhost\n\ndata: two\ndata: lines\n\ndata: {"workers":[]}\n\ndata: [DONE]\n\n',
    );
  });

  test.each(['foo', '', 'text&format=text'])('?format=%s is refused', async (format) => {
    await using daemon = await startTestDaemon({ handlers: { worker_list: counting(1) } });
    const response = await fetch(`${daemon.url}/v1/jobs/${await postList(daemon)}/stream?format=${format}`);
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({
      error: { code: 'invalid_input', message: expect.stringMatching(/^format: /) as unknown },
    });
  });

  test('?format=text passes no terminal escape sequence on, from a step or a model, even one split over tokens', async () => {
    const handlers: Handlers = {
      worker_list: async function* (_input, { jobId, correlationId }) {
        const by = { actor: 'rbee-hive' as const, job_id: jobId, correlation_id: correlationId, at: 'now' };
        yield { kind: 'narration', data: { ...by, action: 'x', human: 'a\u001b[2J\u009b2J\u202eb' } };
        for (const text of ['c\u001b', ']52;c;aGk=\u0007\ud83d', '\udc1d', 'd\r', '\ne\tf\u2066']) yield token(text);
        throw new JobError('worker_died', 'g\u001b[31m');
      },
    };
    await using daemon = await startTestDaemon({ handlers });
    const text = await streamText(daemon, await postList(daemon), { format: 'text' });
    const lines = text.split('\n').flatMap((line) => (line === '' ? [] : line.replace('data: ', '')));
    expect(lines).toEqual([
      '[rbee-hive] a␛[2J\ufffd2J\ufffdb',
      'c␛',
      ']52;c;aGk=␇',
      '🐝',
      'd',
      '',
      'e\tf\ufffd',
      '[rbee-hive] Error: g␛[31m',
      '[DONE]',
    ]);
  });

  test.each([
    ['7x', 422],
    ['-1', 422],
    ['99', 422],
  ])('Last-Event-ID %s is refused', async (after, status) => {
    await using daemon = await startTestDaemon({ handlers: { worker_list: counting(1) } });
    const jobId = await postList(daemon);
    await readAll(daemon.peer, jobId);
    const response = await fetch(`${daemon.url}/v1/jobs/${jobId}/stream`, { headers: { 'last-event-id': after } });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_input' } });
  });

  test('an unknown job is a 404 with an rbee error', async () => {
    await using daemon = await startTestDaemon({ handlers: {} });
    const response = await fetch(`${daemon.url}/v1/jobs/job-unknown/stream`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { code: 'job_not_found' } });
  });
});

describe('how a job ends', () => {
  test('a JobError of a handler is sent unchanged', async () => {
    const handlers: Handlers = {
      worker_list: async function* () {
        throw new JobError('model_corrupt', 'not a model', { cause: new Error('secret detail') });
      },
    };
    await using daemon = await startTestDaemon({ handlers });
    const jobId = await postList(daemon);
    const [last] = (await readAll(daemon.peer, jobId)).slice(-1);
    expect(JSON.parse(last?.json ?? '')).toEqual({
      code: 'model_corrupt',
      message: 'not a model',
      origin: 'rbee-hive',
      retryable: false,
    });
    expect(daemon.registry.get(jobId)).toMatchObject({ state: 'failed', error: { code: 'model_corrupt' } });
  });

  test('an unexpected error becomes internal, and its cause is never sent', async () => {
    const handlers: Handlers = {
      worker_list: async function* () {
        throw new TypeError('secret detail');
      },
    };
    await using daemon = await startTestDaemon({ handlers });
    const text = await streamText(daemon, await postList(daemon));
    expect(text).toContain('"code":"internal"');
    expect(text).not.toContain('secret detail');
  });

  test('DELETE cancels: the handler stops, readers get the event, a second DELETE is a 409', async () => {
    await using daemon = await startTestDaemon({ handlers: { worker_list: counting(2, deferred().promise) } });
    const jobId = await postList(daemon);
    const reading = readAll(daemon.peer, jobId);
    const cancelled = await fetch(`${daemon.url}/v1/jobs/${jobId}`, { method: 'DELETE' });
    expect(cancelled.status).toBe(200);
    expect(await cancelled.json()).toEqual({ job_id: jobId, status: 'cancelled' });
    expect((await reading).at(-1)).toMatchObject({ kind: 'cancelled' });
    expect((await fetch(`${daemon.url}/v1/jobs/${jobId}`, { method: 'DELETE' })).status).toBe(409);
    expect((await fetch(`${daemon.url}/v1/jobs/job-unknown`, { method: 'DELETE' })).status).toBe(404);
    expect(daemon.registry.get(jobId).state).toBe('cancelled');
  });

  test('a handler that does not stop when cancelled does not keep its job alive', async () => {
    const handlers: Handlers = {
      worker_list: async function* () {
        await new Promise(() => undefined);
        return { workers: [] };
      },
    };
    await using daemon = await startTestDaemon({ handlers });
    const jobId = await postList(daemon);
    expect((await fetch(`${daemon.url}/v1/jobs/${jobId}`, { method: 'DELETE' })).status).toBe(200);
    expect(daemon.registry.get(jobId).state).toBe('cancelled');
  });

  test('on_disconnect=cancel cancels a job whose last reader has disconnected', async () => {
    await using daemon = await startTestDaemon({ handlers: { worker_list: counting(1, deferred().promise) } });
    const { body } = await post(daemon, { operation: 'worker_list', on_disconnect: 'cancel' });
    const leaving = new AbortController();
    const reader = await fetch(`${daemon.url}${String(body['sse_url'])}`, { signal: leaving.signal });
    await reader.body?.getReader().read();
    leaving.abort();
    // Polled, because a reader would keep the job alive.
    await expect.poll(() => daemon.registry.get(String(body['job_id'])).state).toBe('cancelled');
  });

  test('a daemon that shuts down ends its jobs with shutting_down, and their readers get the event', async () => {
    const daemon = await startTestDaemon({ handlers: { worker_list: counting(1, deferred().promise) } });
    const reading = readAll(daemon.peer, await postList(daemon));
    await readFirst(daemon.peer, await postList(daemon), 1);
    await daemon[Symbol.asyncDispose]();
    expect(JSON.parse((await reading).at(-1)?.json ?? '')).toMatchObject({ code: 'shutting_down', retryable: true });
  });

  test('a job that only a killed process was running ends as interrupted at the next start', async () => {
    const log = openMemoryEventLog();
    const catalog = openMemoryCatalog();
    const first = await startTestDaemon({ log, catalog, handlers: { worker_list: counting(2, deferred().promise) } });
    const jobId = await postList(first);
    await readFirst(first.peer, jobId, 2);
    expect(first.registry.find({ where: { state: 'running' }, limit: 1 })).toHaveLength(1);
    // The first process "died": nothing of it is closed before the second opens the same log and catalog.
    await using second = await startTestDaemon({ log, catalog, handlers: { worker_list: counting(1) } });
    const events = await readAll(second.peer, jobId);
    expect(events.map(({ seq, kind }) => [seq, kind])).toEqual([
      [1, 'token'],
      [2, 'token'],
      [3, 'failed'],
    ]);
    expect(second.registry.get(jobId)).toMatchObject({ state: 'failed', error: { code: 'interrupted' } });
    await first[Symbol.asyncDispose]();
  });

  test('the downstream job is stored before its first event is written (J7)', async () => {
    const [log, catalog] = [openMemoryEventLog(), openMemoryCatalog()];
    const append = log.append.bind(log);
    const seen: unknown[] = [];
    log.append = (job, events) => {
      const stored = catalog.collection<{ downstream: { job_id: string }[] }>('jobs').get(job.job_id);
      for (const { json } of events) seen.push([json, stored?.downstream.at(-1)?.job_id]);
      return append(job, events);
    };
    await using daemon = await startTestDaemon({
      log,
      catalog,
      handlers: {
        worker_list: async function* (_input, inJob) {
          for (const job_id of ['job-1', 'job-2']) {
            inJob.setDownstream({ role: 'worker', name: 'w', job_id });
            inJob.emit(token(job_id));
            await once(new EventEmitter(), 'never', { signal: AbortSignal.timeout(50) }).catch(() => undefined);
          }
          return { workers: [] };
        },
      },
    });
    await readAll(daemon.peer, await postList(daemon));
    expect(seen.slice(0, 2)).toEqual([
      ['{"text":"job-1"}', 'job-1'],
      ['{"text":"job-2"}', 'job-2'],
    ]);
  });

  test('old jobs that cannot be deleted from a full disk do not end the daemon', async () => {
    const log = openMemoryEventLog();
    log.delete = () => {
      throw new JobError('disk_full', 'The disk is full');
    };
    await using daemon = await startTestDaemon({ log, kept: { jobs: 0, ageMs: 60_000 }, handlers: { worker_list: counting(1) } });
    const jobId = await postList(daemon);
    await readAll(daemon.peer, jobId);
    daemon.registry.expire();
    expect(daemon.registry.get(jobId).state).toBe('completed');
  });

  test('a log that cannot be written fails its job with disk_full, and no other job (J8)', async () => {
    const log = openMemoryEventLog();
    const append = log.append.bind(log);
    let full = '';
    log.append = (job, events) => {
      if (job.job_id === full) throw new JobError('disk_full', 'The disk is full');
      return append(job, events);
    };
    const gate = deferred();
    await using daemon = await startTestDaemon({ log, handlers: { worker_list: counting(2, gate.promise) } });
    const [unlucky, lucky] = [await postList(daemon), await postList(daemon)];
    await Promise.all([readFirst(daemon.peer, unlucky, 2), readFirst(daemon.peer, lucky, 2)]);
    full = unlucky;
    gate.resolve();
    expect((await readAll(daemon.peer, unlucky)).map(({ seq, kind }) => [seq, kind])).toEqual([
      [1, 'token'],
      [2, 'token'],
      [3, 'failed'],
    ]);
    expect(daemon.registry.get(unlucky)).toMatchObject({ state: 'failed', error: { code: 'disk_full' } });
    expect((await readAll(daemon.peer, lucky)).at(-1)).toMatchObject({ kind: 'result' });
  });

  test('ended jobs expire, the oldest first; running ones stay', async () => {
    const gate = deferred();
    await using daemon = await startTestDaemon({
      kept: { jobs: 3, ageMs: 60_000 },
      handlers: {
        worker_list: counting(1),
        model_list: async function* () {
          yield token('x');
          await gate.promise;
          return { models: [] };
        },
      },
    });
    const running = String((await post(daemon, { operation: 'model_list' })).body['job_id']);
    const ended: string[] = [];
    for (let n = 0; n < 5; n += 1) ended.push(await postList(daemon));
    for (const id of ended) await readAll(daemon.peer, id);
    daemon.registry.expire();
    expect(() => daemon.registry.get(ended[0] ?? '')).toThrow(/not found/);
    expect(daemon.registry.get(ended[4] ?? '').state).toBe('completed');
    expect(daemon.registry.get(running).state).toBe('running');
    gate.resolve();
  });

  test('a job that exceeded its limits never completes', async () => {
    await using daemon = await startTestDaemon({ handlers: { worker_list: counting(1_000_001) } });
    const jobId = await postList(daemon);
    await expect.poll(() => daemon.registry.get(jobId)).toMatchObject({ state: 'failed', error: { code: 'event_limit' } });
  });

  test('a reader whose job expires before it has read every event is disconnected without [DONE]', async () => {
    // More than the buffers of a connection hold.
    await using daemon = await startTestDaemon({
      kept: { jobs: 0, ageMs: 60_000 },
      handlers: { worker_list: talkative(2_000, 8_000) },
    });
    const jobId = await postList(daemon);
    const slow = httpRequest(`${daemon.url}/v1/jobs/${jobId}/stream`, { agent: false }).end();
    const [response] = (await once(slow, 'response')) as [IncomingMessage];
    response.pause();
    await readAll(daemon.peer, jobId);
    daemon.registry.expire();
    let text = '';
    response
      .setEncoding('utf8')
      .on('data', (chunk: string) => (text += chunk))
      .resume();
    await once(response, 'end');
    expect(text).not.toContain('[DONE]');
  });

  test('a wall clock that jumps 8 days ahead, and back, deletes nothing; 8 days that pass do', async () => {
    const dayMs = 24 * 60 * 60 * 1000;
    const kept = { jobs: 100, ageMs: 7 * dayMs };
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      await using daemon = await startTestDaemon({ handlers: { worker_list: counting(1) }, kept });
      const jobId = await postList(daemon);
      await readAll(daemon.peer, jobId);
      for (const days of [8, -8]) {
        vi.setSystemTime(Date.now() + days * dayMs);
        daemon.registry.expire();
        expect(daemon.registry.get(jobId).state).toBe('completed');
      }
      for (let day = 0; day < 8; day += 1) {
        vi.setSystemTime(Date.now() + dayMs);
        daemon.registry.expire();
      }
      expect(() => daemon.registry.get(jobId)).toThrow(/not found/);
    } finally {
      vi.useRealTimers();
    }
  });

  test('a damaged log fails its own job, and the daemon starts (J8)', async () => {
    const log = openMemoryEventLog();
    const catalog = openMemoryCatalog();
    const first = await startTestDaemon({ log, catalog, handlers: { worker_list: counting(2, deferred().promise) } });
    const [damaged, sound] = [await postList(first), await postList(first)];
    await Promise.all([readFirst(first.peer, damaged, 2), readFirst(first.peer, sound, 2)]);
    expect(first.registry.find({ where: { state: 'running' }, limit: 2 })).toHaveLength(2);
    const recover = log.recover.bind(log);
    log.recover = (jobId) => {
      if (jobId === damaged) throw new JobError('job_damaged', 'half a header');
      return recover(jobId);
    };
    await using second = await startTestDaemon({ log, catalog, handlers: {} });
    expect(second.registry.get(damaged)).toMatchObject({ state: 'failed', error: { code: 'job_damaged' } });
    expect((await readAll(second.peer, damaged)).map(({ kind, json }) => [kind, json.includes('job_damaged')])).toEqual([
      ['token', false],
      ['token', false],
      ['failed', true],
    ]);
    expect(second.registry.get(sound)).toMatchObject({ error: { code: 'interrupted' } });
    await first[Symbol.asyncDispose]();
  });
});

describe('GET /v1/jobs', () => {
  test('finds by state, operation and correlation id, newest first', async () => {
    await using daemon = await startTestDaemon({ handlers: { worker_list: counting(1) } });
    const first = await postList(daemon, { 'x-correlation-id': 'a' });
    const second = await postList(daemon, { 'x-correlation-id': 'b' });
    await Promise.all([readAll(daemon.peer, first), readAll(daemon.peer, second)]);
    const find = async (query: string) =>
      ((await (await fetch(`${daemon.url}/v1/jobs${query}`)).json()) as { jobs: { job_id: string }[] }).jobs.map(
        ({ job_id }) => job_id,
      );
    expect(await find('')).toEqual([second, first]);
    expect(await find('?correlation_id=a&state=completed')).toEqual([first]);
    expect(await find('?operation=infer')).toEqual([]);
    expect((await fetch(`${daemon.url}/v1/jobs?limit=0`)).status).toBe(422);
    const odd = await fetch(`${daemon.url}/v1/jobs?colour=red`);
    expect([odd.status, ((await odd.json()) as { error: { message: string } }).error.message]).toEqual([
      422,
      expect.stringMatching(/^query: [\x20-\x7e]*colour/),
    ]);
  });
});

describe('who may call', () => {
  const get = (daemon: TestDaemon, headers: Record<string, string>) =>
    new Promise<number | undefined>((resolve, reject) => {
      httpRequest(`${daemon.url}/health`, { headers, agent: false }, (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end();
    });

  test("a foreign Host or Origin is refused, the daemon's own is not", async () => {
    await using daemon = await startTestDaemon({ handlers: {} });
    expect(await get(daemon, {})).toBe(200);
    expect(await get(daemon, { host: `localhost:${daemon.peer.port}` })).toBe(200);
    expect(await get(daemon, { host: 'evil.example' })).toBe(403);
    expect(await get(daemon, { origin: 'http://evil.example' })).toBe(403);
    expect(await get(daemon, { origin: 'null' })).toBe(403);
    expect(await get(daemon, { origin: daemon.url })).toBe(200);
    expect(await get(daemon, { 'sec-fetch-site': 'cross-site' })).toBe(403);
  });

  test('with a token, every call must carry it', async () => {
    await using daemon = await startTestDaemon({ handlers: {}, token: 'correct horse' });
    expect(await get(daemon, {})).toBe(401);
    expect(await get(daemon, { authorization: 'Bearer wrong' })).toBe(401);
    expect(await get(daemon, { authorization: 'Bearer correct horse' })).toBe(200);
  });
});
