import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { probe } from './health.ts';

const host = '127.0.0.1';
const withinMs = 5_000;
const attic = { role: 'hive', name: 'attic', version: '1.2.3', uptime_s: 12, pid: 4711, home: '0123456789abcdef' };

async function listening(server: Server) {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  await once(server.listen(0, host), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const http = (listener: RequestListener) => listening(createHttpServer(listener));
const tcp = (onSocket: (socket: Socket) => void) =>
  listening(createServer((socket) => onSocket(socket.on('error', () => socket.destroy()))));

test('an rbee daemon is recognized by its health', async () => {
  await using server = await http((request, response) => {
    expect(request.url).toBe('/health');
    expect(request.headers.authorization).toBeUndefined();
    response.end(JSON.stringify(attic));
  });
  expect(await probe(host, server.port, { withinMs })).toEqual({ kind: 'rbee', health: attic });
});

test('if a token is required and none is known, the probe says what to check', async () => {
  await using server = await http((_request, response) => response.writeHead(401).end());
  expect(await probe(host, server.port, { withinMs })).toEqual({
    kind: 'stranger',
    isRefusal: true,
    what: 'refuses GET /health with status 401; if it is rbee, check RBEE_TOKEN',
  });
});

describe('a program that must prove the secret', () => {
  const notFound = 'HTTP/1.0 404 Not Found\r\ncontent-length: 0\r\n\r\n';
  const byToken = { by: 'token', token: 'honey' } as const;
  const byHome = { by: 'home', file: '/nowhere/secret' } as const;

  test.each([byToken, byHome])(
    'and closes the connection with its answer is a stranger, described by its status ($by)',
    async (trust) => {
      await using server = await tcp((socket) => socket.once('data', () => socket.end(notFound)));
      expect(await probe(host, server.port, { withinMs, trust })).toEqual({
        kind: 'stranger',
        what: 'answers GET /health with status 404',
      });
    },
  );

  test.each([byToken, byHome])('and does not is unproven, whatever its health, and gets no secret ($by)', async (trust) => {
    const asked: unknown[] = [];
    await using server = await http(({ method, url, headers }, response) => {
      asked.push([method, url, headers.authorization]);
      response.end(JSON.stringify(attic));
    });
    expect(await probe(host, server.port, { withinMs, trust })).toEqual({ kind: 'unproven', health: attic });
    expect(asked).toEqual([
      ['GET', '/v1/proof', undefined],
      ['GET', '/health', undefined],
    ]);
  });

  test.each([
    [byToken, 'check RBEE_TOKEN'],
    [byHome, 'it is of another home, or of an older version'],
  ])('and refuses GET /health is a stranger ($0.by)', async (trust, differs) => {
    await using server = await http((_request, response) => response.writeHead(401).end());
    expect(await probe(host, server.port, { withinMs, trust })).toEqual({
      kind: 'stranger',
      isRefusal: true,
      what: `refuses GET /health with status 401; if it is rbee, ${differs}`,
    });
  });

  test('and speaks another protocol is a stranger', async () => {
    await using server = await tcp((socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'));
    expect(await probe(host, server.port, { withinMs, trust: byHome })).toMatchObject({ kind: 'stranger' });
  });

  test('and sends nothing is frozen, after the deadline', async () => {
    await using server = await tcp(() => undefined);
    expect(await probe(host, server.port, { withinMs: 100, trust: byHome })).toEqual({ kind: 'frozen' });
  });
});

test('a port without a program is absent, with the reason in plain words', async () => {
  let port: number;
  {
    await using server = await tcp((socket) => socket.end());
    port = server.port;
  }
  expect(await probe(host, port, { withinMs })).toEqual({ kind: 'absent', reason: 'connection refused' });
  expect(await probe('localhost', port, { withinMs })).toEqual({ kind: 'absent', reason: 'connection refused' });
});

test.each(['', ' ', 'a\r\nb', 'hive\0', 'bücher.example'])(
  'the host %j, to which no request can be sent, is absent',
  async (name) => {
    expect(await probe(name, 80, { withinMs })).toEqual({ kind: 'absent', reason: 'the host is neither a name nor an address' });
  },
);

test('a program that accepts the connection and sends nothing is frozen, at the deadline', async () => {
  await using server = await tcp(() => undefined);
  const asked = performance.now();
  expect(await probe(host, server.port, { withinMs: 100 })).toEqual({ kind: 'frozen' });
  expect(performance.now() - asked).toBeLessThan(30_000);
});

test('a program that stops in the middle of its answer is frozen', async () => {
  await using server = await tcp((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"role":'));
  expect(await probe(host, server.port, { withinMs: 100 })).toEqual({ kind: 'frozen' });
});

test('a program that closes the connection without a byte is absent, like a daemon that exits', async () => {
  await using server = await tcp((socket) => socket.destroy());
  expect(await probe(host, server.port, { withinMs })).toEqual({ kind: 'absent', reason: 'connection closed without an answer' });
});

test.each([
  ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['a switch to another protocol', 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'],
  ['half an answer', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"role":'],
])('a program that sends %s is a stranger', async (_, bytes) => {
  await using server = await tcp((socket) => socket.end(bytes));
  expect(await probe(host, server.port, { withinMs })).toEqual({
    kind: 'stranger',
    what: 'sends something other than an HTTP response',
  });
});

test.each([
  ['a page', '<html></html>'],
  ['JSON of another program', '{"status":"ok"}'],
  ['a role that we do not have', JSON.stringify({ ...attic, role: 'drone' })],
  ['an endless answer', JSON.stringify({ ...attic, name: 'x'.repeat(100_000) })],
])('a program that answers with %s is a stranger', async (_, body) => {
  await using server = await http((_request, response) => response.end(body));
  expect(await probe(host, server.port, { withinMs })).toEqual({
    kind: 'stranger',
    what: 'answers GET /health, but not as rbee does',
  });
});

test('a program that redirects GET /health or does not know it is a stranger', async () => {
  await using server = await http((_request, response) => response.writeHead(302, { location: '/login' }).end());
  expect(await probe(host, server.port, { withinMs })).toEqual({
    kind: 'stranger',
    what: 'answers GET /health with status 302',
  });
});
