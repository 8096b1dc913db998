import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request, type RequestListener } from 'node:http';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { call } from './call.ts';
import { impostor, listenAs } from '../fixtures/test-jobs.ts';
import { startTestDaemon } from '../fixtures/test-daemon.ts';
import type { Peer } from './peer.ts';

const token = 'correct-horse-battery';
const byToken = { by: 'token', token } as const;

/** A request with a path that only a daemon answers, and one with a body that no other process may see. */
const ask = (peer: Peer) => call(peer, { method: 'GET', path: '/v1/jobs?limit=7' });
const tell = (peer: Peer) => call(peer, { method: 'POST', path: '/v1/jobs', body: '{"operation":"a secret question"}' });

async function newHome(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rbee-proof-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return join(folder, 'secret');
}

/** A program in the middle, which sees every byte of both sides. */
async function relay(to: Peer): Promise<{ peer: Peer; heard: () => string } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  let heard = '';
  const server = createServer((near) => {
    const far = connect(to.port, to.host);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
      one.on('error', () => other.destroy()).pipe(other);
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    peer: { ...to, port: (server.address() as AddressInfo).port },
    heard: () => heard,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

/** What is said on a connection of one's own. */
async function raw({ port }: Peer, path: string, headers: Record<string, string>) {
  const outgoing = request({ host: '127.0.0.1', port, path, headers, agent: false }).end();
  const [response] = (await once(outgoing, 'response')) as [Parameters<RequestListener>[0]];
  response.resume();
  return response;
}

describe('a daemon that proves itself', () => {
  test('by the secret of its home is called, with a token or without', async () => {
    for (const given of [{}, { token }]) {
      await using daemon = await startTestDaemon({ handlers: {}, secretFile: await newHome(), ...given });
      expect(await ask(daemon.peer)).toEqual({ jobs: [] });
      expect(await ask(daemon.peer), 'on the same connection').toEqual({ jobs: [] });
    }
  });

  test('by a token is called through a tunnel, which never sees the token', async () => {
    await using daemon = await startTestDaemon({ handlers: {}, token });
    await using tunnel = await relay(daemon.peer);
    expect(await ask({ ...tunnel.peer, trust: { ...byToken, port: daemon.peer.port } })).toEqual({ jobs: [] });
    expect(tunnel.heard()).toContain('limit=7');
    expect(tunnel.heard()).not.toContain(token);
  });

  test('proves nothing by what it does not know', async () => {
    await using daemon = await startTestDaemon({ handlers: {} });
    for (const trust of [byToken, { by: 'home', file: await newHome() } as const])
      await expect(ask({ ...daemon.peer, trust })).rejects.toMatchObject({ code: 'hive_unreachable' });
  });

  test('with another token, or the secret of another home, is sent no request', async () => {
    await using daemon = await startTestDaemon({ handlers: {}, token, secretFile: await newHome() });
    await using other = await startTestDaemon({ handlers: {}, secretFile: await newHome() });
    for (const trust of [{ by: 'token', token: 'another' } as const, other.peer.trust])
      await expect(ask({ ...daemon.peer, trust })).rejects.toMatchObject({
        code: 'hive_unreachable',
        message: expect.stringMatching(
          new RegExp(`what listens on port ${daemon.peer.port} does not prove that it .*, so nothing was sent to it`),
        ) as string,
      });
  });

  test('is not taken for one of another role', async () => {
    await using daemon = await startTestDaemon({ handlers: {}, token });
    await expect(ask({ ...daemon.peer, role: 'queen' })).rejects.toMatchObject({ code: 'queen_unreachable' });
  });
});

describe('a stranger that listens in the place of a daemon', () => {
  test.each<[string, RequestListener]>([
    ['answers everything', (_request, response) => response.end('{}')],
    ['answers with nothing', (_request, response) => response.writeHead(204).end()],
    ['answers with a proof that is none', (_request, response) => response.writeHead(204, { 'x-rbee-proof': 'yes' }).end()],
    ['echoes', ({ headers }, response) => response.writeHead(204, headers).end()],
    ['asks for the token', (_request, response) => response.writeHead(401, { 'www-authenticate': 'Bearer' }).end()],
    ['sends us elsewhere', (_request, response) => response.writeHead(307, { location: '/v1/jobs' }).end()],
    ['hangs up', (_request, response) => response.destroy()],
  ])('and %s is sent a challenge, and nothing else', async (_, listener) => {
    const heard: string[] = [];
    await using stranger = await impostor((request, response) => {
      heard.push(`${request.method} ${request.url} ${JSON.stringify(request.rawHeaders)}`);
      listener(request, response);
    });
    const trusts = [byToken, { by: 'home', file: await newHome() } as const];
    for (const trust of trusts)
      await expect(tell({ ...stranger.peer, trust })).rejects.toMatchObject({ code: 'hive_unreachable' });
    expect(heard).toHaveLength(trusts.length);
    for (const said of heard)
      expect(said).toMatch(/^GET \/v1\/proof \["host","localhost","x-rbee-challenge","(home|token) [\w-]{43}"\]$/);
  });

  test('and hands the challenge on to the daemon is not believed: the proof is of another connection', async () => {
    await using daemon = await startTestDaemon({ handlers: {}, token, secretFile: await newHome() });
    await using middle = await relay(daemon.peer);
    await expect(tell(middle.peer)).rejects.toMatchObject({ code: 'hive_unreachable' });
    const elsewhere = { ...middle.peer, trust: { ...byToken, port: middle.peer.port } };
    await expect(tell(elsewhere), 'of another port').rejects.toMatchObject({ code: 'hive_unreachable' });
    expect(middle.heard()).toContain('x-rbee-proof');
    expect(middle.heard()).not.toContain('a secret question');
  });

  test('and repeats a proof that it has heard is not believed', async () => {
    await using daemon = await startTestDaemon({ handlers: {}, token });
    const nonce = 'A'.repeat(43);
    const { headers } = await raw(daemon.peer, '/v1/proof', { 'x-rbee-challenge': `token ${nonce}` });
    const proof = String(headers['x-rbee-proof']);
    expect(proof).toMatch(/^[\w-]{43} hive \S+ \S+ [\w-]{43}$/);
    await using stranger = await impostor((_request, response) => response.writeHead(204, { 'x-rbee-proof': proof }).end());
    await expect(tell({ ...stranger.peer, trust: byToken })).rejects.toMatchObject({ code: 'hive_unreachable' });
  });

  test('and takes the port of a daemon that has ended is sent nothing by who was connected to that', async () => {
    const daemon = await startTestDaemon({ handlers: {}, token });
    expect(await ask(daemon.peer)).toEqual({ jobs: [] });
    await daemon[Symbol.asyncDispose]();
    const heard: string[] = [];
    const server = createServer((socket) => socket.on('data', (data: Buffer) => heard.push(data.toString())).end('{}'));
    await once(server.listen(daemon.peer.port, '127.0.0.1'), 'listening');
    await expect(tell(daemon.peer)).rejects.toMatchObject({ code: 'hive_unreachable' });
    await once(server.close(), 'close');
    expect(heard.join('')).not.toContain('a secret question');
  });

  test('is not trusted with a connection on which it was called without a secret', async () => {
    const heard: string[] = [];
    await using stranger = await impostor((request, response) => {
      heard.push(String(request.url));
      response.end('{}');
    });
    expect(await ask(stranger.peer)).toEqual({});
    await expect(tell({ ...stranger.peer, trust: byToken })).rejects.toMatchObject({ code: 'hive_unreachable' });
    expect(heard).toEqual(['/v1/jobs?limit=7', '/v1/proof']);
  });

  test('and answers the challenge with more than a head is not believed', async () => {
    await using daemon = await startTestDaemon({ handlers: {}, token });
    // What the daemon answers, and an answer to a question that has not been asked yet.
    await using stranger = await listenAs(
      createServer((near) => {
        const far = connect(daemon.peer.port, '127.0.0.1');
        far.on('data', (chunk: Buffer) =>
          near.write(`${chunk.toString('latin1')}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}`),
        );
        near.on('error', () => far.destroy()).on('close', () => far.destroy());
        near.pipe(far);
      }),
    );
    await expect(ask({ ...stranger.peer, trust: byToken })).rejects.toMatchObject({ code: 'hive_unreachable' });
  });
});

describe('what a caller says on its connection', () => {
  test('opens no other one', async () => {
    await using daemon = await startTestDaemon({ handlers: {}, token });
    await using tunnel = await relay(daemon.peer);
    await ask({ ...tunnel.peer, trust: byToken });
    const authorization = /authorization: (rbee [\w-]{43})/i.exec(tunnel.heard())?.[1];
    expect(authorization).toBeDefined();
    expect((await raw(daemon.peer, '/v1/jobs', { authorization: String(authorization) })).statusCode).toBe(401);
  });

  test.each(['rbee ', 'rbee', `rbee ${'A'.repeat(43)}`, 'rbee undefined', ''])('%j opens none', async (authorization) => {
    await using daemon = await startTestDaemon({ handlers: {}, token, secretFile: await newHome() });
    expect((await raw(daemon.peer, '/v1/jobs', { authorization })).statusCode).toBe(401);
  });

  test.each([
    ['of no kind', 'A'.repeat(43)],
    ['without a nonce', 'token'],
    ['with half a nonce', `token ${'A'.repeat(20)}`],
    ['of another kind', `password ${'A'.repeat(43)}`],
    ['of a secret that the daemon does not have', `home ${'A'.repeat(43)}`],
  ])('is not answered to a challenge %s', async (_, challenge) => {
    await using daemon = await startTestDaemon({ handlers: {}, token });
    const { statusCode, headers } = await raw(daemon.peer, '/v1/proof', { 'x-rbee-challenge': challenge });
    expect([statusCode, headers['x-rbee-proof']]).toEqual([404, undefined]);
  });

  test('is not answered to a page in a browser', async () => {
    await using daemon = await startTestDaemon({ handlers: {}, token });
    const headers = { 'x-rbee-challenge': `token ${'A'.repeat(43)}`, origin: 'http://evil.example' };
    expect((await raw(daemon.peer, '/v1/proof', headers)).statusCode).toBe(403);
  });
});

test('many calls at once on connections that are all new are each proved', async () => {
  await using daemon = await startTestDaemon({ handlers: {}, secretFile: await newHome(), token });
  const answers = await Promise.all(Array.from({ length: 300 }, () => ask(daemon.peer)));
  expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(new Set(['{"jobs":[]}']));
});
