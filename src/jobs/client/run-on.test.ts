import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { setImmediate as nextTick } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { deferred, JobError, type Handlers, type JobContext, type JobEvent, type Run } from '../../contract/index.ts';
import { cuttingNetwork } from '../fixtures/cutting-network.ts';
import { startTestDaemon, type TestDaemon } from '../fixtures/test-daemon.ts';
import {
  context,
  counting,
  impostor,
  listenAs,
  post,
  postList,
  readAll,
  readFirst,
  talkative,
  token,
  withFeed,
  worker,
} from '../fixtures/test-jobs.ts';
import type { Peer } from './peer.ts';
import { runOn } from './run-on.ts';
import type { Trace } from './trace.ts';

/** Yields `count` tokens, a few at a time. */
function slowly(count: number): Run<'worker_list'> {
  return async function* () {
    for (let n = 1; n <= count; n += 1) {
      yield token(`${n} `);
      if (n % 10 === 0) await nextTick();
    }
    return { workers: [] };
  };
}

/** Runs it to its end, with all that it emitted on the way. */
async function drain<T>(
  run: (context: JobContext) => AsyncGenerator<JobEvent, T, void>,
  overrides: Partial<JobContext> = {},
): Promise<{ events: JobEvent[]; output: T }> {
  const events: JobEvent[] = [];
  const running = run(context({ emit: (event) => events.push(event), ...overrides }));
  for (;;) {
    const step = await running.next();
    if (step.done) return { events, output: step.value };
    events.push(step.value);
  }
}

describe('runOn', () => {
  const callList = (peer: Peer) => drain((inJob) => runOn(peer, 'worker_list')({ hive_id: 'test' }, inJob));

  test('runOn over three hops keeps events, result, failure and correlation id (J4)', async () => {
    const seen: string[] = [];
    await using bottom = await startTestDaemon({
      role: 'worker',
      handlers: {
        worker_list: async function* (_input, { correlationId }) {
          seen.push(correlationId);
          yield token('a');
          yield token('b');
          return { workers: [worker('w1')] };
        },
        model_list: async function* () {
          throw new JobError('engine_failed', 'out of luck');
        },
      },
    });
    const forwarding = (below: TestDaemon): Handlers => ({
      worker_list: runOn(below.peer, 'worker_list'),
      model_list: runOn(below.peer, 'model_list'),
    });
    await using middle = await startTestDaemon({ role: 'hive', handlers: forwarding(bottom), findPeer: () => bottom.peer });
    await using top = await startTestDaemon({ role: 'queen', handlers: forwarding(middle), findPeer: () => middle.peer });

    const { events, output } = await callList(top.peer);
    expect(events.map(({ kind, data }) => [kind, data])).toEqual([
      ['token', { text: 'a' }],
      ['token', { text: 'b' }],
    ]);
    expect(output).toEqual({ workers: [worker('w1')] });
    expect(seen).toEqual(['test-correlation']);

    const failing = drain((inJob) => runOn(top.peer, 'model_list')({ hive_id: 'test' }, inJob));
    await expect(failing).rejects.toMatchObject({ code: 'engine_failed', message: 'out of luck', origin: 'llm-worker-rbee' });

    const [job] = top.registry.find({ where: { operation: 'worker_list' }, limit: 1 });
    const trace = (await (await fetch(`${top.url}/v1/jobs/${job?.job_id}/trace`)).json()) as Trace;
    expect(trace).toMatchObject({
      job: { actor: 'queen-rbee', state: 'completed' },
      downstream: [
        {
          role: 'hive',
          trace: {
            job: { actor: 'rbee-hive' },
            downstream: [
              {
                role: 'worker',
                trace: { job: { actor: 'llm-worker-rbee', correlation_id: 'test-correlation' }, downstream: [] },
              },
            ],
          },
        },
      ],
    });
  });

  test('a cancel travels down through every hop', async () => {
    const stopped = deferred();
    await using bottom = await startTestDaemon({
      role: 'worker',
      handlers: {
        worker_list: async function* (_input, { signal }) {
          yield token('a');
          await once(signal, 'abort');
          stopped.resolve();
          throw signal.reason;
        },
      },
    });
    await using top = await startTestDaemon({
      role: 'hive',
      handlers: { worker_list: runOn(bottom.peer, 'worker_list') },
    });
    const jobId = await postList(top);
    await readFirst(top.peer, jobId, 1);
    await fetch(`${top.url}/v1/jobs/${jobId}`, { method: 'DELETE' });
    await stopped.promise;
    expect(top.registry.get(jobId).state).toBe('cancelled');
    expect(bottom.registry.find({ where: {}, limit: 1 })[0]?.state).toBe('cancelled');
  });

  test('a request that is cancelled before the peer has answered is cancelled there when it answers', async () => {
    const gate = deferred();
    const asked = deferred();
    const cancelled = deferred();
    await using frozen = await impostor(
      withFeed((request, response) => {
        if (request.method === 'DELETE') cancelled.resolve();
        if (request.method !== 'POST') return void response.writeHead(404, { 'content-type': 'application/json' }).end('{}');
        asked.resolve();
        void gate.promise.then(() => response.writeHead(200).end('{"job_id":"job-late","correlation_id":"c"}'));
      }),
    );
    const given = new AbortController();
    const outcome = drain((inJob) => runOn(frozen.peer, 'worker_list')({ hive_id: 'x' }, inJob), {
      signal: given.signal,
    });
    await asked.promise;
    given.abort(new JobError('cancelled', 'enough'));
    await expect(outcome).rejects.toMatchObject({ message: 'enough' });
    gate.resolve();
    await cancelled.promise;
  });

  test('with a token, both sides prove that they know it, and a daemon with another one is sent no request', async () => {
    await using daemon = await startTestDaemon({ handlers: { worker_list: counting(1) }, token: 'correct horse' });
    expect(await callList(daemon.peer)).toMatchObject({ output: { workers: [] } });
    await expect(callList({ ...daemon.peer, trust: { by: 'token', token: 'wrong' } })).rejects.toMatchObject({
      code: 'hive_unreachable',
    });
  });

  test('a feed that is cut repeatedly is resumed each time: no event is lost, and none comes twice', async () => {
    const handlers = { worker_list: slowly(200) };
    await using daemon = await startTestDaemon({ handlers });
    await using network = await cuttingNetwork(daemon.peer, 2_500);
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => callList(network.peer)));
    for (const { events } of outcomes) {
      expect(events.map(({ data }) => (data as { text: string }).text)).toEqual(
        Array.from({ length: 200 }, (_, n) => `${n + 1} `),
      );
    }
    expect(network.connections()).toBeGreaterThan(4);
  });

  test('a hive that does not run is reported as unreachable', async () => {
    const gone = await startTestDaemon({ handlers: {} });
    await gone[Symbol.asyncDispose]();
    await expect(callList(gone.peer)).rejects.toMatchObject({
      code: 'hive_unreachable',
      message: 'Failed to connect to hive: connection refused',
      retryable: true,
    });
  });

  test.each<[string, RequestListener, RegExp]>([
    ['no job_id', (_request, response) => response.end('{"hello":"world"}'), /^Hive did not return job_id$/],
    ['a page', (_request, response) => response.end('<html>'), /not JSON/],
    ['HTTP 500', (_request, response) => response.writeHead(500).end('oops'), /HTTP 500/],
    [
      'an unknown error code',
      (_request, response) => response.writeHead(418).end('{"error":{"code":"teapot","message":"x"}}'),
      /HTTP 418/,
    ],
  ])('a hive that answers a POST with %s is a bad response', async (_what, listener, message) => {
    await using hive = await impostor(withFeed(listener));
    await expect(callList(hive.peer)).rejects.toMatchObject({
      code: 'hive_bad_response',
      message: expect.stringMatching(message) as string,
    });
  });

  test.each<[string, RequestListener, string, RegExp]>([
    ['a page', (_request, response) => response.end('<html>'), 'hive_bad_response', /^The hive did not open a feed$/],
    ['404', (_request, response) => response.writeHead(404).end('<html>'), 'hive_bad_response', /HTTP 404/],
    [
      'an rbee error',
      (_request, response) => response.writeHead(401).end('{"error":{"code":"unauthorized","message":"A token is required"}}'),
      'unauthorized',
      /token/,
    ],
  ])('a hive that answers the opening of a feed with %s fails the job', async (_what, listener, code, message) => {
    await using hive = await impostor(listener);
    await expect(callList(hive.peer)).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
  });

  test('a program that does not speak HTTP is a bad response', async () => {
    await using hive = await listenAs(
      createTcpServer((socket) => socket.on('error', () => undefined).end('SSH-2.0-OpenSSH_9.2\r\n')),
    );
    await expect(callList(hive.peer)).rejects.toMatchObject({ code: 'hive_bad_response' });
  });
});

describe('a feed', () => {
  test('carries many jobs on one connection, each in order', async () => {
    await using daemon = await startTestDaemon({ handlers: { worker_list: slowly(50) } });
    await using network = await cuttingNetwork(daemon.peer, Infinity);
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, () => drain((inJob) => runOn(network.peer, 'worker_list')({ hive_id: 'test' }, inJob))),
    );
    expect(outcomes.map(({ events }) => events.length)).toEqual(Array.from({ length: 100 }, () => 50));
    // The calls that made the jobs, and the feed; never one for each job's stream.
    expect(network.connections()).toBeLessThanOrEqual(101);
  });

  test.each<[string, string, RegExp]>([
    ['a foreign line', 'hello world\n', /malformed/],
    ['an event of an unknown kind', '1 1 surprise {}\n', /malformed/],
    ['data that is not an object', '1 1 token oops\n', /malformed/],
    ['data that would end a line one hop up', '1 1 token {"text":"a\r\rid: 9"}\n', /malformed/],
    ['a gap in the numbers', '1 2 token {"text":"x"}\n', /jumped from 0 to 2/],
    ['an invalid result', '1 1 result {"workers":"many"}\n', /result of worker_list/],
    ['a job that has expired', '1 0 lost {}\n', /have expired/],
    ['a token that is not JSON', '1 1 token {not json}\n', /malformed/],
    ['a token whose text is a number', '1 1 token {"text":7}\n', /malformed/],
    ['a step without its fields', '1 1 narration {}\n', /malformed/],
    ['the tag of a job that was never followed', '999 1 token {"text":"x"}\n', /malformed/],
    ['an invalid tag', '-1 1 token {"text":"x"}\n', /malformed/],
    ['an invalid number', '1 1e308 token {"text":"x"}\n', /malformed/],
    ['a number that is too large', '1 9007199254740993 token {"text":"x"}\n', /malformed/],
    [
      'a failure with an unknown error code',
      '1 1 failed {"code":"teapot","message":"","origin":"rbee-hive","retryable":true}\n',
      /malformed/,
    ],
  ])('with %s on it is refused', async (_name, text, message) => {
    await using hive = await impostor((request, response) => {
      if (request.url === '/v1/feed') response.writeHead(200, { 'x-rbee-feed': 'feed-1' }).write(text);
      else response.end('{"job_id":"job-1","followed":true}');
    });
    await expect(drain((inJob) => runOn(hive.peer, 'worker_list')({ hive_id: 'test' }, inJob))).rejects.toThrow(message);
  });

  test('ignores an event that is repeated, comes after the terminal event, or belongs to a job that has ended', async () => {
    const lines = [
      '1 1 token {"text":"a"}',
      '1 1 token {not even looked at}',
      '1 2 result {"workers":[]}',
      '1 3 token {"text":"late"}',
      '1 3 failed {"code":"internal","message":"late","origin":"rbee-hive","retryable":false}',
    ];
    let feed: ServerResponse | undefined;
    await using hive = await impostor((request, response) => {
      if (request.url === '/v1/feed') (feed = response.writeHead(200, { 'x-rbee-feed': 'feed-1' })).flushHeaders();
      else {
        response.end('{"job_id":"job-1","followed":true}');
        feed?.write(`${lines.join('\n')}\n`);
      }
    });
    const run = () => drain((inJob) => runOn(hive.peer, 'worker_list')({ hive_id: 'test' }, inJob));
    const { events, output } = await run();
    expect([events.map(({ data }) => data), output]).toEqual([[{ text: 'a' }], { workers: [] }]);
    lines.splice(0, lines.length, '1 4 token {"text":"later"}', '2 1 result {"workers":[]}');
    expect((await run()).output).toEqual({ workers: [] });
  });

  test('with endless events of a job whose id has not been returned yet is refused', async () => {
    const text = 'x'.repeat(10_000);
    let feed: ServerResponse | undefined;
    await using hive = await impostor((request, response) => {
      if (request.url === '/v1/feed') return (feed = response.writeHead(200, { 'x-rbee-feed': 'feed-1' })).flushHeaders();
      for (let seq = 1; seq <= 1_000; seq += 1) feed?.write(`1 ${seq} token {"text":"${text}"}\n`);
      feed?.write('ping\n', () => response.end('{"job_id":"job-1","followed":true}'));
    });
    const run = drain((inJob) => runOn(hive.peer, 'worker_list')({ hive_id: 'test' }, inJob));
    await expect(run).rejects.toMatchObject({ code: 'hive_bad_response' });
  });

  test('whose caller fails to process an event of one job fails that job alone', async () => {
    await using daemon = await startTestDaemon({ handlers: { worker_list: counting(5) } });
    const defect = new TypeError('a bug');
    const broken = drain((inJob) => runOn(daemon.peer, 'worker_list')({ hive_id: 'test' }, inJob), {
      emit: () => {
        throw defect;
      },
    });
    const [outcome, other] = await Promise.allSettled([
      broken,
      drain((inJob) => runOn(daemon.peer, 'worker_list')({ hive_id: 'test' }, inJob)),
    ]);
    expect(outcome).toMatchObject({ status: 'rejected', reason: defect });
    expect(other.status).toBe('fulfilled');
  });

  test('with a slow reader delays no other reader, and delivers every event in the end', async () => {
    // More than the buffers of a connection hold.
    await using daemon = await startTestDaemon({ handlers: { worker_list: talkative(1_000, 8_000) } });
    const feed = httpRequest(`${daemon.url}/v1/feed`, { agent: false }).end();
    const [response] = (await once(feed, 'response')) as [IncomingMessage];
    response.pause();
    const id = String(response.headers['x-rbee-feed']);
    const jobs = await Promise.all(
      [1, 2, 3].map((tag) => post(daemon, { operation: 'worker_list' }, { 'x-rbee-feed': `${id}/${tag}` })),
    );
    expect(jobs.map(({ body }) => body)).toMatchObject([{ followed: true }, { followed: true }, { followed: true }]);
    for (const { body } of jobs) expect((await readAll(daemon.peer, String(body['job_id']))).length).toBe(1_001);
    const last = new Map<string, number>();
    let rest = '';
    for await (const chunk of response.setEncoding('utf8')) {
      const lines = (rest + (chunk as string)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines.filter((text) => text !== 'ping')) {
        const [tag = '', seq] = line.split(' ', 2);
        expect(Number(seq)).toBe((last.get(tag) ?? 0) + 1);
        last.set(tag, Number(seq));
      }
      if ([...last.values()].length === 3 && [...last.values()].every((seq) => seq === 1_001)) break;
    }
    expect(last).toEqual(new Map([['1', 1_001], ['2', 1_001], ['3', 1_001]])); // prettier-ignore
  });

  test('that closes during a follow request is opened again, and the request is repeated', async () => {
    const feeds: ServerResponse[] = [];
    let asked = 0;
    await using hive = await impostor((request, response) => {
      if (request.url === '/v1/feed') {
        feeds.push(response);
        response.writeHead(200, { 'x-rbee-feed': `feed-${feeds.length}` }).flushHeaders();
      } else if (request.url?.startsWith('/v1/feed/')) {
        asked += 1;
        // The first two times that feed has closed, and the next one is not open yet.
        if (asked <= 2) response.writeHead(404).end('{"error":{"code":"not_found","message":"This feed is not open"}}');
        else {
          response.end('{"refused":{}}');
          feeds.at(-1)?.write('1 1 result {"workers":[]}\n');
        }
      } else {
        response.end('{"job_id":"job-1","followed":true}');
        setImmediate(() => feeds[0]?.destroy());
      }
    });
    const { output } = await drain((inJob) => runOn(hive.peer, 'worker_list')({ hive_id: 'test' }, inJob));
    expect([output, asked]).toEqual([{ workers: [] }, 3]);
  });

  test('whose peer answers a follow request with foreign JSON fails the job with hive_bad_response', async () => {
    await using hive = await impostor((request, response) => {
      if (request.url === '/v1/feed') response.writeHead(200, { 'x-rbee-feed': 'feed-1' }).flushHeaders();
      else if (request.url?.startsWith('/v1/feed/')) response.end('{"hello":1}');
      else response.end('{"job_id":"job-1","followed":false}');
    });
    const run = drain((inJob) => runOn(hive.peer, 'worker_list')({ hive_id: 'test' }, inJob));
    await expect(run).rejects.toMatchObject({ code: 'hive_bad_response' });
  });

  test('does not delay a job that is cancelled already', async () => {
    let asked = 0;
    await using hive = await impostor(() => {
      asked += 1; // And never answers.
    });
    const signal = AbortSignal.abort(new JobError('cancelled', 'not wanted'));
    const run = drain((inJob) => runOn(hive.peer, 'worker_list')({ hive_id: 'test' }, inJob), { signal });
    await expect(run).rejects.toMatchObject({ code: 'cancelled' });
    expect(asked).toBeLessThanOrEqual(1);
  });
});
