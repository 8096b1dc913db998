import { get } from 'node:http';
import { hostname } from 'node:os';
import { describe, expect, test, vi } from 'vitest';
import { deferred, isRetryable, JobError, type ErrorCode, type JobEvent, type Model, type Run } from '../contract/index.ts';
import { KEEP_ALIVE_MS } from './common/relay.ts';
import { ask, bodies, model, never, output, prompt, startApis, token, type Route } from './fixtures/test-apis.ts';

const routes = Object.keys(bodies) as Route[];
const loading: JobEvent = {
  kind: 'narration',
  data: {
    ...{ actor: 'rbee-hive', action: 'load', human: 'loading tiny', job_id: 'j', correlation_id: 'c' },
    at: '2026-01-01T00:00:00Z',
  },
};

describe('while a request waits, its client gets every 10 s what its API has for that', () => {
  const empty = (answer: string) => new RegExp(`^\\{"model":"tiny","created_at":"[^"]*",${answer},"done":false\\}\\n$`);
  test.each<[Route, RegExp]>([
    ['/v1/chat/completions', /^: rbee loading tiny\n\n$/],
    ['/v1/completions', /^: rbee loading tiny\n\n$/],
    ['/v1/responses', /^event: keepalive\ndata: \{"type":"keepalive","sequence_number":2\}\n\n$/],
    ['/v1/messages', /^event: ping\ndata: \{"type":"ping"\}\n\n$/],
    ['/api/chat', empty('"message":\\{"role":"assistant","content":""\\}')],
    ['/api/generate', empty('"response":""')],
  ])('%s', async (route, expected) => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      await using daemon = await startApis(model(loading, prompt, never).infer);
      const response = await ask(daemon, route, { fields: { stream: true } });
      const reader = response.body?.getReader();
      // What begins the answer.
      if (route === '/v1/responses' || route === '/v1/messages') await reader?.read();
      for (let time = 0; time < 2; time += 1) {
        vi.advanceTimersByTime(KEEP_ALIVE_MS);
        const text = Buffer.from((await reader?.read())?.value ?? []).toString();
        expect(text.replace('"sequence_number":3', '"sequence_number":2')).toMatch(expected);
      }
      await reader?.cancel();
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a failure', () => {
  test.each<[Route, RegExp]>([
    ['/v1/chat/completions', /data: \{"error":\{"message":"The worker exited[^\n]*"rbee_code":"worker_died"\}\}\n\n$/],
    ['/v1/completions', /data: \{"error":\{"message":"The worker exited[^\n]*"rbee_code":"worker_died"\}\}\n\n$/],
    [
      '/v1/responses',
      /event: response\.failed\ndata: \{[^\n]*"status":"failed","error":\{"code":"server_error","message":"The worker exited[^\n]*\n\n$/,
    ],
    [
      '/v1/messages',
      /event: error\ndata: \{"type":"error","error":\{"type":"api_error","message":"The worker exited[^\n]*"request_id":"req_[^\n]*\n\n$/,
    ],
    ['/api/chat', /\n\{"error":"The worker exited[^\n]*"\}\n$/],
    ['/api/generate', /\n\{"error":"The worker exited[^\n]*"\}\n$/],
  ])('in the middle of a stream of %s is its last part, and nothing says that the answer is whole', async (route, last) => {
    await using daemon = await startApis(model(token('Hello'), new JobError('worker_died', 'The worker exited')).infer);
    const text = await (await ask(daemon, route, { fields: { stream: true } })).text();
    expect(text).toContain('Hello');
    expect(text).toMatch(last);
    expect(text).not.toMatch(
      /\[DONE\]|"finish_reason":"|message_stop|"done":true|response\.(?:completed|incomplete)|output_item\.done/,
    );
  });

  test('leaves the text so far in the response that has failed', async () => {
    await using daemon = await startApis(model(token('Hello'), new JobError('worker_died', 'The worker exited')).infer);
    const text = await (await ask(daemon, '/v1/responses', { fields: { stream: true } })).text();
    const { response } = JSON.parse(text.trimEnd().split('data: ').at(-1) ?? '') as { response: { output: object[] } };
    expect(response.output).toMatchObject([{ type: 'message', status: 'incomplete', content: [{ text: 'Hello' }] }]);
  });

  test('before the first text has the status of its API, and says whether to repeat the request', async () => {
    const failing: Run<'infer'> = async function* ({ stop: [code = ''] = [] }) {
      yield prompt;
      throw new JobError(code as ErrorCode, 'It failed');
    };
    await using daemon = await startApis(failing);
    const answered = async (route: Route, fields: object, code: ErrorCode) => {
      const { status, headers } = await ask(daemon, route, { fields });
      expect([code, headers.get('x-should-retry')]).toEqual([code, String(isRetryable(code))]);
      expect([code, headers.has('retry-after'), headers.has('retry-after-ms')]).toEqual([
        code,
        isRetryable(code),
        isRetryable(code),
      ]);
      return status;
    };
    for (const [code, ...expected] of STATUSES) {
      const statuses = await Promise.all([
        answered('/v1/chat/completions', { stop: code }, code),
        answered('/v1/messages', { stop_sequences: [code] }, code),
        answered('/api/chat', { options: { stop: code } }, code),
      ]);
      expect([code, ...statuses]).toEqual([code, ...expected]);
    }
  });
});

/** Of the APIs of OpenAI, Anthropic and Ollama. */
const STATUSES: [ErrorCode, number, number, number][] = [
  ['invalid_input', 400, 400, 400],
  ['prompt_too_long', 400, 400, 400],
  ['model_not_found', 404, 404, 404],
  ['worker_busy', 429, 429, 503],
  ['too_many_jobs', 429, 429, 503],
  ['no_room', 503, 529, 503],
  ['shutting_down', 503, 529, 503],
  ['interrupted', 503, 529, 503],
  ['deadline_exceeded', 503, 529, 503],
  ['hive_unreachable', 503, 529, 503],
  ['model_too_large', 500, 500, 500],
  ['model_corrupt', 500, 500, 500],
  ['engine_failed', 500, 500, 500],
  ['worker_died', 500, 500, 500],
  ['internal', 500, 500, 500],
];

describe('what is wrong is named as the client wrote it', () => {
  const image = 'data:image/png;base64,AAAA';
  const base64 = { type: 'base64', media_type: 'image/png', data: 'AAAA' };
  const user = (...content: object[]) => [{ role: 'user', content }];
  const cannotHold = { type: 'object', properties: { a: { not: {} } } };
  test.each<[string, Route, object]>([
    [
      'messages[0].content[1].image_url: this model cannot see',
      '/v1/chat/completions',
      { messages: user({ type: 'text', text: 'x' }, { type: 'image_url', image_url: image }) },
    ],
    [
      'input[0].content[0].image_url: this model cannot see',
      '/v1/responses',
      { instructions: 'x', input: user({ type: 'input_image', image_url: image }) },
    ],
    [
      'messages.0.content.1: this model cannot see',
      '/v1/messages',
      { system: 'x', messages: user({ type: 'text', text: 'x' }, { type: 'image', source: base64 }) },
    ],
    [
      'messages.1.content.0.content.0: this model cannot see',
      '/v1/messages',
      {
        messages: [
          { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'n' }] },
          ...user({ type: 'tool_result', tool_use_id: 't', content: [{ type: 'image', source: base64 }] }),
        ],
      },
    ],
    [
      'messages[0].images[0]: this model cannot see',
      '/api/chat',
      { messages: [{ role: 'user', content: 'x', images: ['AAAA', 'BBBB'] }] },
    ],
    ['images[0]: this model cannot see', '/api/generate', { system: 'x', images: ['AAAA'] }],
    ['stop_sequences.0: Too big', '/v1/messages', { stop_sequences: ['x'.repeat(300)] }],
    ['options.stop[0]: Too big', '/api/chat', { options: { stop: 'x'.repeat(300) } }],
    ['prompt: is required', '/v1/completions', { prompt: null }],
    ['input: is required', '/v1/responses', { input: undefined }],
    ['model: is required', '/v1/messages', { model: null }],
    ['options.num_ctx: too few', '/v1/chat/completions', { seed: 1 }],
    ['options.num_ctx: too few', '/api/chat', { options: { seed: 1 } }],
    [
      'text.format.schema.properties.a: no',
      '/v1/responses',
      { text: { format: { type: 'json_schema', name: 'x', schema: cannotHold } } },
    ],
    [
      'response_format.json_schema.schema.properties.a: no',
      '/v1/chat/completions',
      { response_format: { type: 'json_schema', json_schema: { name: 'x', schema: cannotHold } } },
    ],
    [
      'output_config.format.schema.properties.a: no',
      '/v1/messages',
      { output_config: { format: { type: 'json_schema', schema: cannotHold } } },
    ],
    ['format.properties.a: no', '/api/chat', { format: cannotHold }],
  ])('%s (%s)', async (sentence, route, fields) => {
    const refusing: Run<'infer'> = async function* ({ json_schema }) {
      yield loading;
      throw new JobError('invalid_input', json_schema === undefined ? 'context: too few' : 'json_schema.properties.a: no');
    };
    const list = [{ model: tiny, workers: [], hiveIds: ['localhost'] }];
    await using daemon = await startApis(refusing, { list });
    const response = await ask(daemon, route, { fields });
    const { error } = (await response.json()) as { error: string | { message: string; param?: string } };
    expect([response.status, typeof error === 'string' ? error : error.message]).toEqual([
      400,
      expect.stringMatching(new RegExp(`^${sentence.replaceAll(/[.[\]]/g, String.raw`\$&`)}`)) as string,
    ]);
    if (typeof error !== 'string' && route !== '/v1/messages') expect(error.param).toBe(sentence.split(':')[0]);
  });
});

const tiny: Model = { model: 'tiny', size_bytes: 1, created_at: '2026-01-01T00:00:00Z', path: '/tiny.gguf', source: 'builtin' };

test('one client that leaves does not end the same answer of another', async () => {
  const { promise, resolve } = deferred();
  const running = model(token('Hello'), promise);
  await using daemon = await startApis(running.infer);
  const left = new AbortController();
  const first = ask(daemon, '/v1/chat/completions', { signal: left.signal }).catch(() => undefined);
  await vi.waitFor(() => expect(running.contexts).toHaveLength(1));
  const second = ask(daemon, '/v1/chat/completions');
  await vi.waitFor(() => expect(running.contexts).toHaveLength(2));
  left.abort();
  await first;
  await running.cancelled;
  expect(running.contexts.map(({ signal }) => signal.aborted)).toEqual([true, false]);
  resolve();
  expect(await (await second).text()).toContain('Hello bee');
});

test('tokens from the cache are counted as each API counts them', async () => {
  const infer: Run<'infer'> = async function* () {
    yield prompt;
    return { ...output, usage: { prompt_tokens: 9, cached_tokens: 7, completion_tokens: 2 } };
  };
  await using daemon = await startApis(infer);
  const answers = await Promise.all(routes.map(async (route) => [route, await (await ask(daemon, route)).json()] as const));
  const openai = { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11, prompt_tokens_details: { cached_tokens: 7 } };
  expect(Object.fromEntries(answers)).toMatchObject({
    '/v1/chat/completions': { usage: openai },
    '/v1/completions': { usage: openai },
    '/v1/responses': { usage: { input_tokens: 9, input_tokens_details: { cached_tokens: 7 }, output_tokens: 2 } },
    '/v1/messages': { usage: { input_tokens: 2, cache_read_input_tokens: 7, output_tokens: 2 } },
    '/api/chat': { prompt_eval_count: 9, eval_count: 2 },
    '/api/generate': { prompt_eval_count: 9, eval_count: 2 },
  });
});

test('containers and other programs on this machine reach it by their names for it', async () => {
  await using daemon = await startApis(model().infer);
  const { port } = new URL(daemon.url);
  const as = (host: string, path: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      get(daemon.url + path, { headers: { host } }, (response) => resolve(response.resume().statusCode)).on('error', reject);
    });
  for (const host of ['host.docker.internal', hostname(), `${hostname()}.local`])
    expect([host, await as(`${host}:${port}`, '/api/version')]).toEqual([host, 200]);
  expect(await as('host.docker.internal', '/v1/jobs/job-1')).toBe(403);
  expect(await as('other.example', '/api/version')).toBe(403);
});

test.each(['/', '/api/version', '/api/ps', '/v1/models/none'])('HEAD %s is answered as GET is, without a body', async (path) => {
  await using daemon = await startApis(model().infer);
  const [head, whole] = await Promise.all(['HEAD', 'GET'].map((method) => fetch(daemon.url + path, { method })));
  expect([head?.status, await head?.text()]).toEqual([whole?.status, '']);
});

test('a model that no hive has is not unloaded; of a queen that has just started, no hive has reported yet', async () => {
  await using knowing = await startApis(model().infer, { list: [{ model: tiny, workers: [], hiveIds: ['localhost'] }] });
  await using fresh = await startApis(model().infer);
  const unload = (name: string) => ({ fields: { model: name, prompt: '', keep_alive: 0 } });
  const asked = [ask(knowing, '/api/generate', unload('none')), ask(knowing, '/api/generate', unload('tiny'))];
  const statuses = (await Promise.all([...asked, ask(fresh, '/api/generate', unload('none'))])).map(({ status }) => status);
  expect(statuses).toEqual([404, 200, 200]);
});

test('an empty suffix asks for nothing to be filled in', async () => {
  const infer: Run<'infer'> = async function* ({ suffix }) {
    yield prompt;
    return { ...output, text: `suffix ${String(suffix)}` };
  };
  await using daemon = await startApis(infer);
  const { choices } = (await (await ask(daemon, '/v1/completions', { fields: { suffix: '' } })).json()) as { choices: object[] };
  expect(choices).toMatchObject([{ text: 'suffix undefined' }]);
});
