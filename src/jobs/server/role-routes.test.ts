import { request as httpRequest } from 'node:http';
import { describe, expect, test } from 'vitest';
import { errorCodes, JobError } from '../../contract/index.ts';
import { startTestDaemon, type TestDaemon } from '../fixtures/test-daemon.ts';
import { counting } from '../fixtures/test-jobs.ts';
import { parseJsonObject } from './json-body.ts';
import type { RoleRoutes } from './role-routes.ts';
import type { Encoder } from './sse.ts';

/** Another dialect on the same jobs: its own input, events and errors. */
function addDialect({ app, registry, streamJob, under }: RoleRoutes): void {
  under('/dialect', {
    errorAnswer: ({ code, message }, { url }) => ({
      status: errorCodes[code].status,
      headers: { 'x-path': String(url) },
      body: { oops: { code, message } },
    }),
  });
  app.post('/dialect/count', async (request, reply) => {
    const { hive } = parseJsonObject(request.body);
    if (hive === undefined) throw new JobError('invalid_input', 'hive: required');
    const asked = { operation: 'worker_list', input: { hive_id: hive }, onDisconnect: 'cancel' } as const;
    const { job_id } = await registry.create(asked, {
      correlationId: 'c',
      idempotencyKey: undefined,
      body: String(request.body),
    });
    streamJob(reply, { jobId: job_id, after: 0, encoder: asChunks });
  });
}

const asChunks: Encoder = (events) => events.map(({ kind, json }) => `data: {"${kind}":${json}}\n\n`).join('');

const json = { 'content-type': 'application/json' };

async function send(daemon: TestDaemon, path: string, init: RequestInit = {}): Promise<{ status: number; text: string }> {
  const response = await fetch(`${daemon.url}${path}`, init);
  return { status: response.status, text: await response.text() };
}

describe("a role's own routes", () => {
  test('stream a job of the daemon in an encoding of their own', async () => {
    await using daemon = await startTestDaemon({ handlers: { worker_list: counting(2) }, addRoutes: addDialect });
    const { status, text } = await send(daemon, '/dialect/count', { method: 'POST', headers: json, body: '{"hive":"attic"}' });
    expect(status).toBe(200);
    expect(text.split('\n\n')).toEqual([
      'data: {"token":{"text":"1 "}}',
      'data: {"token":{"text":"2 "}}',
      'data: {"result":{"workers":[]}}',
      'data: [DONE]',
      '',
    ]);
  });

  test.each([
    ['an error that the route throws', '/dialect/count', json, '{}', 422, 'invalid_input'],
    ['a body that is not JSON', '/dialect/count', json, '{', 400, 'invalid_json'],
    ['a body that is nested too deeply', '/dialect/count', json, '['.repeat(1_000), 400, 'invalid_json'],
    ['a media type that is not served', '/dialect/count', { 'content-type': 'text/plain' }, 'x', 415, 'unsupported_media_type'],
    ['a path that nothing is served at', '/dialect/nothing', json, '{}', 404, 'not_found'],
    ['a request of another site', '/dialect/count', { ...json, origin: 'http://evil.example' }, '{}', 403, 'forbidden_origin'],
  ])('answer %s in the shape of their prefix', async (_what, path, headers, body, expected, code) => {
    await using daemon = await startTestDaemon({ handlers: { worker_list: counting(2) }, addRoutes: addDialect });
    const { status, text } = await send(daemon, path, { method: 'POST', headers, body });
    expect(status).toBe(expected);
    expect(JSON.parse(text)).toEqual({ oops: { code, message: expect.any(String) as string } });
  });

  test('other paths keep the error body of rbee', async () => {
    await using daemon = await startTestDaemon({ handlers: {}, addRoutes: addDialect });
    expect(JSON.parse((await send(daemon, '/dialects')).text)).toMatchObject({
      error: { code: 'not_found', origin: 'rbee-hive' },
    });
  });

  test('serve lines to every reader', async () => {
    const addRoutes = ({ serveLines }: RoleRoutes) => serveLines('/v1/lines', (reader) => reader.write('{"n":1}'));
    await using daemon = await startTestDaemon({ handlers: {}, addRoutes });
    for (let reader = 0; reader < 2; reader += 1) {
      const response = await fetch(`${daemon.url}/v1/lines`);
      expect(response.headers.get('content-type')).toBe('application/x-ndjson');
      const stream = response.body?.getReader();
      expect(Buffer.from((await stream?.read())?.value ?? []).toString()).toBe('{"n":1}\n');
      await stream?.cancel();
    }
  });
});

describe('a prefix with rules of its own', () => {
  const token = 'secret';
  const addPage = ({ app, under }: RoleRoutes) => {
    under('/page', { isOpen: true });
    under('/page/closed', {});
    under('/keyed', {
      admit: ({ headers }) => {
        if (headers['x-key'] !== 'mine') throw new JobError('unauthorized', 'x-key: required');
      },
    });
    app.get('/page', () => 'page');
    app.get('/page/script', () => 'script');
    app.get('/page/closed', () => 'closed');
    app.get('/pages', () => 'pages');
    app.get('/keyed', () => 'keyed');
  };
  const start = () => startTestDaemon({ handlers: { worker_list: counting(1) }, token, addRoutes: addPage });

  test('an open prefix is served without the token, and only that prefix', async () => {
    await using daemon = await start();
    expect(await send(daemon, '/page')).toEqual({ status: 200, text: 'page' });
    expect(await send(daemon, '/page/script?x=1')).toEqual({ status: 200, text: 'script' });
    for (const path of ['/page/closed', '/pages', '/v1/jobs', '/health'])
      expect([path, (await send(daemon, path)).status]).toEqual([path, 401]);
  });

  test('an escaped path has the rules of the path that is served', async () => {
    await using daemon = await start();
    const paths = ['/page/%63losed', '/p%61ge/closed', '/page%2fclosed', '/page/closed%3Fx', '/page/%zz'];
    for (const path of paths) expect([path, await rawGet(daemon, path)]).not.toEqual([path, 'closed']);
    expect(await rawGet(daemon, '/p%61ge')).toBe('page');
  });

  test('an open prefix still refuses pages of other sites', async () => {
    await using daemon = await start();
    expect((await send(daemon, '/page', { headers: { origin: 'http://evil.example' } })).status).toBe(403);
  });

  test.each(['/page/../v1/jobs', '/page/%2e%2e/v1/jobs', '/page/..%2fv1/jobs', '//page/v1/jobs', '/page//../../v1/jobs', '/%70age/../v1/jobs', 'http://page/v1/jobs', '/page?/../v1/jobs/../../v1/jobs', '/v1/jobs?/page', '/v1/jobs#/page']) // prettier-ignore
  ('%s does not get the jobs without the token', async (path) => {
    await using daemon = await start();
    const answer = await rawGet(daemon, path);
    expect(answer).not.toContain('"jobs"');
  });

  test('admit refuses a request that has passed the guard, and is not reached by one that has not', async () => {
    await using daemon = await start();
    const authorization = `Bearer ${token}`;
    expect((await send(daemon, '/keyed', { headers: { authorization } })).status).toBe(401);
    expect((await send(daemon, '/keyed', { headers: { 'x-key': 'mine' } })).status).toBe(401);
    expect((await send(daemon, '/keyed', { headers: { authorization, 'x-key': 'mine' } })).text).toBe('keyed');
  });
});

/** The path as it is: fetch would resolve it. */
function rawGet({ peer }: TestDaemon, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ host: peer.host, port: peer.port, path }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => (text += piece));
      response.on('end', () => resolve(text));
    });
    outgoing.on('error', reject).end();
  });
}
