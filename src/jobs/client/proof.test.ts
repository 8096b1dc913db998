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
async function relay(to: Peer): Promise<{ peer: Peer; received: () => string } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  let received = '';
  const server = createServer((near) => {
    const far = connect(to.port, to.host);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
      one.on('error', () => other.destroy()).pipe(other);
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    peer: { ...to, port: (server.address() as AddressInfo).port },
    received: () => received,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

/** A request on a connection of its own. */
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
    expect(tunnel.received()).toContain('limit=7');
    expect(tunnel.received()).not.toContain(token);
  });

  test('cannot prove a secret that it does not have', async () => {
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

  test('is not accepted as a daemon of another role', async () => {
    await using daemon = await startTestDaemon({ handlers: {}, token });
    await expect(ask({ ...daemon.peer, role: 'queen' })).rejects.toMatchObject({ code: 'queen_unreachable' });
  });
});

describe('a foreign program on the port of a daemon', () => {
  test.each<[string, RequestListener]>([
    ['answers everything', (_request, response) => response.end('{}')],
    ['answers without content', (_request, response) => response.writeHead(204).end()],
    ['answers with an invalid proof', (_request, response) => response.writeHead(204, { 'x-rbee-proof': 'yes' }).end()],
    ['echoes', ({ headers }, response) => response.writeHead(204, headers).end()],
    ['asks for the token', (_request, response) => response.writeHead(401, { 'www-authenticate': 'Bearer' }).end()],
    ['redirects', (_request, response) => response.writeHead(307, { location: '/v1/jobs' }).end()],
    ['hangs up', (_request, response) => response.destroy()],
  ])('that %s is sent a challenge and nothing else', async (_, listener) => {
    const received: string[] = [];
    await using foreign = await impostor((request, response) => {
      received.push(`${request.method} ${request.url} ${JSON.stringify(request.rawHeaders)}`);
      listener(request, response);
    });
    const trusts = [byToken, { by: 'home', file: await newHome() } as const];
    for (const trust of trusts)
      await expect(tell({ ...foreign.peer, trust })).rejects.toMatchObject({ code: 'hive_unreachable' });
    expect(received).toHaveLength(trusts.length);
    for (const each of received)
      expect(each).toMatch(/^GET \/v1\/proof \["host","localhost","x-rbee-challenge","(home|token) [\w-]{43}"\]$/);
  });

  test('that relays the challenge to the daemon is not trusted: the proof is of another connection', async () => {
    await using daemon = await startTestDaemon({ handlers: {}, token, secretFile: await newHome() });
    await using middle = await relay(daemon.peer);
    await expect(tell(middle.peer)).rejects.toMatchObject({ code: 'hive_unreachable' });
    const elsewhere = { ...middle.peer, trust: { ...byToken, port: middle.peer.port } };
    await expect(tell(elsewhere), 'of another port').rejects.toMatchObject({ code: 'hive_unreachable' });
    expect(middle.received()).toContain('x-rbee-proof');
    expect(middle.received()).not.toContain('a secret question');
  });

  test('that replays a proof is not trusted', async () => {
    await using daemon = await startTestDaemon({ handlers: {}, token });
    const nonce = 'A'.repeat(43);
    const { headers } = await raw(daemon.peer, '/v1/proof', { 'x-rbee-challenge': `token ${nonce}` });
    const proof = String(headers['x-rbee-proof']);
    expect(proof).toMatch(/^[\w-]{43} hive \S+ \S+ [\w-]{43}$/);
    await using foreign = await impostor((_request, response) => response.writeHead(204, { 'x-rbee-proof': proof }).end());
    await expect(tell({ ...foreign.peer, trust: byToken })).rejects.toMatchObject({ code: 'hive_unreachable' });
  });

  test('that opens the port after its daemon has exited is sent no request by the former clients', async () => {
    const daemon = await startTestDaemon({ handlers: {}, token });
    expect(await ask(daemon.peer)).toEqual({ jobs: [] });
    await daemon[Symbol.asyncDispose]();
    const received: string[] = [];
    const server = createServer((socket) => socket.on('data', (data: Buffer) => received.push(data.toString())).end('{}'));
    await once(server.listen(daemon.peer.port, '127.0.0.1'), 'listening');
    await expect(tell(daemon.peer)).rejects.toMatchObject({ code: 'hive_unreachable' });
    await once(server.close(), 'close');
    expect(received.join('')).not.toContain('a secret question');
  });

  test('is not trusted on a connection on which it was called without a secret before', async () => {
    const received: string[] = [];
    await using foreign = await impostor((request, response) => {
      received.push(String(request.url));
      response.end('{}');
    });
    expect(await ask(foreign.peer)).toEqual({});
    await expect(tell({ ...foreign.peer, trust: byToken })).rejects.toMatchObject({ code: 'hive_unreachable' });
    expect(received).toEqual(['/v1/jobs?limit=7', '/v1/proof']);
  });

  test('that answers the challenge with more than a head is not trusted', async () => {
    await using daemon = await startTestDaemon({ handlers: {}, token });
    // The daemon's answer, and an answer to a request that has not been sent yet.
    await using foreign = await listenAs(
      createServer((near) => {
        const far = connect(daemon.peer.port, '127.0.0.1');
        far.on('data', (chunk: Buffer) =>
          near.write(`${chunk.toString('latin1')}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}`),
        );
        near.on('error', () => far.destroy()).on('close', () => far.destroy());
        near.pipe(far);
      }),
    );
    await expect(ask({ ...foreign.peer, trust: byToken })).rejects.toMatchObject({ code: 'hive_unreachable' });
  });
});

describe('the proof of a caller', () => {
  test('does not authorize another connection', async () => {
    await using daemon = await startTestDaemon({ handlers: {}, token });
    await using tunnel = await relay(daemon.peer);
    await ask({ ...tunnel.peer, trust: byToken });
    const authorization = /authorization: (rbee [\w-]{43})/i.exec(tunnel.received())?.[1];
    expect(authorization).toBeDefined();
    expect((await raw(daemon.peer, '/v1/jobs', { authorization: String(authorization) })).statusCode).toBe(401);
  });

  test.each(['rbee ', 'rbee', `rbee ${'A'.repeat(43)}`, 'rbee undefined', ''])(
    '%j in place of it authorizes no connection',
    async (authorization) => {
      await using daemon = await startTestDaemon({ handlers: {}, token, secretFile: await newHome() });
      expect((await raw(daemon.peer, '/v1/jobs', { authorization })).statusCode).toBe(401);
    },
  );

  test.each([
    ['without a kind', 'A'.repeat(43)],
    ['without a nonce', 'token'],
    ['with half a nonce', `token ${'A'.repeat(20)}`],
    ['of an unknown kind', `password ${'A'.repeat(43)}`],
    ['of a secret that the daemon does not have', `home ${'A'.repeat(43)}`],
  ])('is not requested by an answer to a challenge %s', async (_, challenge) => {
    await using daemon = await startTestDaemon({ handlers: {}, token });
    const { statusCode, headers } = await raw(daemon.peer, '/v1/proof', { 'x-rbee-challenge': challenge });
    expect([statusCode, headers['x-rbee-proof']]).toEqual([404, undefined]);
  });

  test('is not requested from a page in a browser', async () => {
    await using daemon = await startTestDaemon({ handlers: {}, token });
    const headers = { 'x-rbee-challenge': `token ${'A'.repeat(43)}`, origin: 'http://evil.example' };
    expect((await raw(daemon.peer, '/v1/proof', headers)).statusCode).toBe(403);
  });
});

test('of many simultaneous calls on new connections, each is proved', async () => {
  await using daemon = await startTestDaemon({ handlers: {}, secretFile: await newHome(), token });
  const answers = await Promise.all(Array.from({ length: 300 }, () => ask(daemon.peer)));
  expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(new Set(['{"jobs":[]}']));
});
